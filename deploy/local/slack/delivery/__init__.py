"""How the workspace reaches an app: signed HTTP, or Socket Mode; and events with their retries."""
