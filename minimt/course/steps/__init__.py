"""The ten steps of the assignment, each with its cases and known mistakes."""

from . import (
    step0_warm_up,
    step1_attention,
    step2_position,
    step3_cache,
    step4_memory,
    step5_search,
    step6_lsh,
    step7_gate,
    step8_gradient,
    step9_model,
)

STEPS = tuple(
    module.STEP
    for module in (
        step0_warm_up,
        step1_attention,
        step2_position,
        step3_cache,
        step4_memory,
        step5_search,
        step6_lsh,
        step7_gate,
        step8_gradient,
        step9_model,
    )
)
