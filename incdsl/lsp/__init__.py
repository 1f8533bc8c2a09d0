"""What an editor asks of a spec. Each feature answers in the project's own terms; `server` speaks the protocol."""
