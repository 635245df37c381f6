"""A budget of retries, so that clients do not hammer a server that is failing.

Source: the retry quota of the AWS SDKs' "standard" mode
(https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html), with its numbers: a
bucket of 500 tokens, 5 for a retry, 10 after no reply arrived; a success gives back what its
last retry took, or 1 if it needed none. gRPC's retry throttling (gRFC A6) is of the same kind.
"""

from __future__ import annotations

import threading

CAPACITY = 500
RETRY_COST = 5
LOST_REPLY_COST = 10
SUCCESS = 1


class RetryBudget:
    """The tokens of one client; safe to share between threads.

    A server that fails once in a while is always tried again. From one that fails throughout, a
    client takes 100 retries in all; after that its calls are tried once each, until some succeed.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._left = capacity
        self._lock = threading.Lock()

    @property
    def left(self) -> int:
        """The tokens that are left."""
        return self._left

    def take(self, cost: int) -> bool:
        """Take the tokens for a retry; False if there are not enough left."""
        with self._lock:
            if cost > self._left:
                return False
            self._left -= cost
            return True

    def succeeded(self, cost: int) -> None:
        """A call succeeded whose last retry took `cost` tokens, 0 if it needed none."""
        if self._left >= self._capacity:  # so that the usual case takes no lock
            return
        with self._lock:
            self._left = min(self._capacity, self._left + (cost or SUCCESS))
