"""HTTP for all programs: routes, middleware, sessions, pages, error responses, the OpenAPI document."""
