"""The wallet's decision on one request: rules, the decision, the consent view, the consent and the release."""
