select
    carrier,
    name as airline
from {{ source('aviation', 'airlines') }}
