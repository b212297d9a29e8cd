"""Servers that answer as products do which cannot be had as a package: their HTTP APIs by their documentation.

Nothing here knows the connectors: names of fields, paging, logins and errors are the product's, so that OpenMetadata's
own connectors meet what they would meet there.
"""
