"""Network Policy Servers: what their policies mean for the accounts of a directory."""
