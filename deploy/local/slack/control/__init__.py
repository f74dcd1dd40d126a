"""The control API: acting as any person, changing the workspace, planning faults, and watching what changes."""
