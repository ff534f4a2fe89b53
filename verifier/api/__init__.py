"""What programs ask of a vendor: the endpoints of OpenID4VP and of agreements, with their OpenAPI schemas."""
