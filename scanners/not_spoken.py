"""`NotSpoken`: what every parser of a service's answer raises when the answer is not of its protocol."""

from __future__ import annotations


class NotSpoken(ValueError):
    """The bytes are not of the protocol that was asked for, or cut; the message carries none of them."""
