"""What a program's folder holds: settings, sealed keys, the operator's hash; and what its commands share."""
