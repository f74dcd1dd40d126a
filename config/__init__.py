"""What an operator decides: settings from the environment, and TOML for services, people, policy and schedules."""
