"""The raw helper: a program of its own under GPL-2.0-only (see LICENSE), because it loads scapy. It alone may send raw frames."""
