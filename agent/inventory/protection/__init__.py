"""Antivirus, EDR and backup of each host, and what of it gets in its own way."""
