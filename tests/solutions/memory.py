"""Correct solutions of the step on the memory, in many styles."""

import math

import numpy as np


def l2_normalize__sqrt(x, eps=1e-6):
    length = np.sqrt((x**2).sum(-1, keepdims=True))
    return x / np.maximum(length, eps)


def l2_normalize__einsum(x, eps=1e-6):
    length = np.einsum("...d,...d->...", x, x) ** 0.5
    return x / np.clip(length, eps, None)[..., None]


def l2_normalize__where(x, eps=1e-6):
    length = np.linalg.norm(x, axis=-1)[..., np.newaxis]
    return x / np.where(length < eps, np.asarray(eps, x.dtype), length)


def l2_normalize__loops(x, eps=1e-6):
    out = np.zeros_like(x)
    for place in np.ndindex(x.shape[:-1]):
        length = math.sqrt(sum(float(y) ** 2 for y in x[place]))
        out[place] = x[place] / max(length, eps)
    return out


def l2_normalize__own_copy(x, eps=1e-6):
    x = x.copy()
    length = np.linalg.norm(x, axis=-1, keepdims=True)
    length[length < eps] = eps
    x /= length
    return x


def l2_normalize__flat(x, eps=1e-6):
    rows = x.reshape(-1, x.shape[-1])
    lengths = np.array([np.sqrt(row @ row) for row in rows])
    return (rows / np.maximum(lengths, eps)[:, None]).reshape(x.shape).astype(x.dtype)


def l2_normalize__multiplied(x, eps=1e-6):
    square = np.sum(np.square(x), axis=-1, keepdims=True)
    return x * (1 / np.maximum(np.sqrt(square), eps)).astype(x.dtype)


def l2_normalize__double(x: np.ndarray, eps: float = 1e-6) -> np.ndarray:
    wide = x.astype(np.float64)
    wide /= np.maximum(np.linalg.norm(wide, axis=-1, keepdims=True), eps)
    return wide.astype(x.dtype)


def valid__compare(self):
    M = self.keys.shape[2]
    return np.arange(M)[None, :] < self.written[:, None]


def valid__loops(self):
    B, _, M, _ = self.keys.shape
    valid = np.zeros((B, M), bool)
    for b in range(B):
        valid[b, : min(M, int(self.written[b]))] = True
    return valid


def valid__clipped(self):
    M = self.values.shape[-2]
    filled = np.minimum(self.written, M)
    return np.stack([np.arange(M) < n for n in filled])


def valid__outer(self):
    return np.greater.outer(self.written, np.arange(self.keys.shape[2]))


def clear__where(self, starts):
    self.written = np.where(starts, 0, self.written)


def clear__zeroed(self, starts):
    starts = np.asarray(starts, bool)
    self.keys[starts] = 0
    self.values[starts] = 0
    self.written[starts] = 0


def clear__loop(self, starts):
    for b, start in enumerate(starts):
        if start:
            self.written[b] = 0


def clear__multiplied(self, starts):
    self.written *= ~starts


def check(self, k, v):
    B, H, _, D = self.keys.shape
    if k.shape != v.shape or k.shape[:2] != (B, H) or k.shape[3] != D:
        raise ValueError("sizes")


def write__loops(self, k, v):
    check(self, k, v)
    B, _, M, _ = self.keys.shape
    for b in range(B):
        for t in range(k.shape[2]):
            slot = self.written[b] % M
            self.keys[b, :, slot] = k[b, :, t]
            self.values[b, :, slot] = v[b, :, t]
            self.written[b] += 1


def write__token_by_token(self, k, v):
    check(self, k, v)
    stream, M = np.arange(len(k)), self.keys.shape[2]
    for t in range(k.shape[2]):
        slot = self.written % M
        self.keys[stream, :, slot] = k[:, :, t]
        self.values[stream, :, slot] = v[:, :, t]
        self.written += 1


def write__by_stream(self, k, v):
    check(self, k, v)
    M, T = self.keys.shape[2], k.shape[2]
    for b in range(len(k)):
        slots = (self.written[b] + np.arange(T)) % M
        keep = slots[-M:]
        self.keys[b][:, keep] = k[b][:, -M:]
        self.values[b][:, keep] = v[b][:, -M:]
    self.written = self.written + T


def write__put_along_axis(self, k, v):
    check(self, k, v)
    M, T = self.keys.shape[2], k.shape[2]
    first = max(0, T - M)
    slot = (self.written[:, None] + np.arange(first, T)) % M
    place = slot[:, None, :, None]
    np.put_along_axis(self.keys, place, k[:, :, first:], axis=2)
    np.put_along_axis(self.values, place, v[:, :, first:], axis=2)
    self.written += T


def write__ogrid(self, k, v):
    check(self, k, v)
    (B, H, M, _), T = self.keys.shape, k.shape[2]
    last = np.arange(T)[-M:]
    b, h, t = np.ogrid[:B, :H, : len(last)]
    slot = (self.written[b] + last[t]) % M
    self.keys[b, h, slot] = k[b, h, last[t]]
    self.values[b, h, slot] = v[b, h, last[t]]
    self.written += T


def write__gathered(self, k, v):
    check(self, k, v)
    M, T = self.keys.shape[2], k.shape[2]
    slot = np.arange(M)
    for b, n in enumerate(self.written):
        newest = n + T - 1 - (n + T - 1 - slot) % M
        fresh = newest >= n
        self.keys[b][:, fresh] = k[b][:, newest[fresh] - n]
        self.values[b][:, fresh] = v[b][:, newest[fresh] - n]
    self.written += T


def write__new_arrays(self, k, v):
    check(self, k, v)
    keys, values, M = self.keys.copy(), self.values.copy(), self.keys.shape[2]
    for t in range(k.shape[2]):
        for b, n in enumerate(self.written + t):
            keys[b, :, n % M], values[b, :, n % M] = k[b, :, t], v[b, :, t]
    self.keys, self.values, self.written = keys, values, self.written + k.shape[2]


def write__two_pieces(self, k, v):
    check(self, k, v)
    M, T = self.keys.shape[2], k.shape[2]
    for b in range(len(k)):
        skip = max(0, T - M)
        slot = int(self.written[b] + skip) % M
        here = min(T - skip, M - slot)
        for array, x in ((self.keys, k), (self.values, v)):
            array[b, :, slot : slot + here] = x[b, :, skip : skip + here]
            array[b, :, : T - skip - here] = x[b, :, skip + here :]
        self.written[b] += T
