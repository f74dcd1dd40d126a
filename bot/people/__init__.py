"""Who people are, by config and by Slack, and whether that is known freshly enough to count."""
