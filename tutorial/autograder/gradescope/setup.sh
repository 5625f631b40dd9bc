#!/usr/bin/env bash
# Gradescope runs this once, when the autograder's image is built.
set -euo pipefail
apt-get update
apt-get install -y python3 python3-pip
python3 -m pip install numpy==2.2.6 tqdm==4.67.1
