"""The gateway: one Envoy before the three services, and what renders its configuration.

Owns the four public surfaces: which paths there are, the dialect of every answer, errors included, and the limits of a
request. Holds the route from a credential that is no access token to token's Authorization service.

Leaves to others: who may call what (each service's interceptor, by what its RPC declares), whether a credential is
good (token), and what a reason is called on a surface (the option `dialect` in proto/).
"""
