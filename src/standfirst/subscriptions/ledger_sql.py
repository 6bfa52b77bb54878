"""The database itself refuses that the ledger is changed: the statements of migration 0003."""

SQLITE = [
    f"""CREATE TRIGGER subscriptions_entry_{verb.lower()} BEFORE {verb} ON subscriptions_entry
    BEGIN SELECT RAISE(ABORT, 'The ledger of subscriptions is only added to.'); END"""
    for verb in ("UPDATE", "DELETE")
]
POSTGRESQL = [
    """CREATE OR REPLACE FUNCTION subscriptions_entry_only_added_to() RETURNS trigger AS $$
    BEGIN RAISE EXCEPTION 'The ledger of subscriptions is only added to.'; END $$
    LANGUAGE plpgsql""",
    """CREATE TRIGGER subscriptions_entry_kept BEFORE UPDATE OR DELETE ON subscriptions_entry
    FOR EACH ROW EXECUTE FUNCTION subscriptions_entry_only_added_to()""",
]
