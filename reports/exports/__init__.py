"""The judged result for other programs: one module a format, with `NAME` and `write(judged, lang, folder) -> Path`."""
