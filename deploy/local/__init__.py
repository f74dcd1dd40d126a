"""The whole of Tandem on one machine: its own PostgreSQL, a simulated Slack workspace, stand-ins for the vendors."""
