"""Events to Slack: one card edited in place, replies in order, and all else that is told of a run by itself."""
