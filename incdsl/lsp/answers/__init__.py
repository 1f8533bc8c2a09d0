"""The answers to requests: each a function of the server and the parameters."""
