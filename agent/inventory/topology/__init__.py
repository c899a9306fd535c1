"""Layer 2 from what switches say of themselves and of each other: see `build.topologies`."""
