"""The run's clock: UTC microseconds for people, monotonic microseconds for order (the wall clock may be set back)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Clock:
    _zero: int = field(default_factory=time.monotonic_ns)

    def now_us(self) -> int:
        return time.time_ns() // 1000

    def mono_us(self) -> int:
        return (time.monotonic_ns() - self._zero) // 1000
