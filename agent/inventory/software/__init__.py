"""Remote-access software from its traces: what it is, one instance at a time, and whose."""
