"""Stands in for setuptools while pip downloads one sdist: nothing of that sdist is run (PEP 517)."""
