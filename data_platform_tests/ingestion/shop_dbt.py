"""A small dbt project on the tests' shop, built by dbt itself: everything that the catalog is to have of one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from examples.demo.postgres import Server

FILES = {
    "dbt_project.yml": """
name: shop
version: "1.0.0"
profile: shop
flags: {send_anonymous_usage_stats: false, version_check: false}
""",
    "profiles.yml": """
shop:
  target: test
  outputs:
    test:
      {type: postgres, host: 127.0.0.1, port: "{{ env_var('SHOP_PORT') | as_number }}", threads: 2, schema: marts,
       dbname: "{{ env_var('SHOP_DATABASE') }}", user: postgres, password: "{{ env_var('DBT_ENV_SECRET_PASSWORD') }}"}
""",
    "models/shop.yml": """
version: 2
sources:
  - name: sales
    tables:
      - name: orders
        description: What was ordered
        columns:
          - name: total
            description: Price of the whole order
      - name: customers
        description: Said by dbt, and not by the database
models:
  - name: paid
    description: Orders that were paid
    config:
      tags: [finance]
      meta: {openmetadata: {tier: Tier.Tier2, owner: accounting}}
    columns:
      - name: id
        description: Number of the order
        data_tests: [unique]
      - name: amount
        description: What was paid
        config: {tags: [money]}
  - name: spending
    description: What each customer spent
    columns:
      - name: customer
        description: As on the invoice
        data_tests:
          - accepted_values: {arguments: {values: [nobody]}, config: {severity: warn}}
exposures:
  - name: board
    type: dashboard
    owner: {name: Accounting, email: accounting@example.org}
    depends_on: [ref('spending')]
    config: {meta: {open_metadata_fqn: boards.spending}}
""",
    "models/paid.sql": "select id, customer_id, total as amount from {{ source('sales', 'orders') }} where total > 0",
    "models/spending.sql": """
select customers.name as customer, sum(paid.amount) as amount
from {{ ref('paid') }} as paid
join {{ source('sales', 'customers') }} as customers on customers.id = paid.customer_id
group by customers.name
""",
    "seeds/bands.csv": "band,least\nsmall,0\nlarge,100\n",
    "tests/nothing_is_given_away.sql": "select * from {{ ref('paid') }} where amount <= 0",
}


def build(folder: Path, postgres: Server, database: str) -> Path:
    """Build the project in a database that has the shop.

    Returns:
        The folder with its artifacts.
    """
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text.lstrip())
    for command in (["build"], ["docs", "generate", "--target-path", "documented"]):
        subprocess.run(
            [Path(sys.executable).with_name("dbt"), *command],
            cwd=folder,
            env={
                **os.environ,
                "SHOP_PORT": str(postgres.port),
                "SHOP_DATABASE": database,
                "DBT_ENV_SECRET_PASSWORD": postgres.superuser_password.read_text().strip(),
            },
            check=True,
            capture_output=True,
        )
    for name in ("manifest.json", "catalog.json"):
        (folder / "documented" / name).replace(folder / "target" / name)
    return folder / "target"
