#!/bin/sh
# What Vault has to know for pods to read the platform's secrets: one policy and one role of its Kubernetes method, which
# must be enabled and configured for the cluster. Run by somebody who may write policies; VAULT_ADDR and VAULT_TOKEN as usual.
set -eu

vault policy write data-platform - <<'POLICY'
# Only to read: nothing here writes a secret. secret-data is a KV engine of version 2.
path "secret-data/data/dagster/*" {
  capabilities = ["read"]
}
# So that a reference to a folder is told from one to nothing.
path "secret-data/metadata/dagster/*" {
  capabilities = ["list"]
}
POLICY

vault write "auth/${VAULT_AUTH_MOUNT:-kubernetes}/role/data-platform" \
    bound_service_account_names=data-platform,data-platform-ingestion \
    bound_service_account_namespaces=dagster \
    policies=data-platform \
    ttl=20m
