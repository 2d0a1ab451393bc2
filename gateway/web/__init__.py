"""The web process: frames over HTTP, health, readiness and metrics."""
