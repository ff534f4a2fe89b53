"""What programs ask of an issuer: the endpoints of OpenID4VCI and the public documents, with their OpenAPI schemas."""
