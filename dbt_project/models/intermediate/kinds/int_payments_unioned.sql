-- One row per payment or refund, from every source that has one.
{{ union_kind('payments', record_kind='payment', id='payment_id') }}
