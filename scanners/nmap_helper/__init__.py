"""The nmap helper: a program of its own under GPL-3.0-or-later (see LICENSE), because it loads python-nmap. It alone starts nmap."""
