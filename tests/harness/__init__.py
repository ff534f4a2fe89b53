"""What tests start: programs in this process, ports for them, and a town of programs that know each other."""
