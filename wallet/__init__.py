"""The wallet: receives credentials, judges who asks for them and shows what its owner agreed to."""
