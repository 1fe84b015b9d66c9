-- A delivery and a posting attempt are written once and changed soon after. Where the page has room for the changed row, no index is
-- written to. Holds for new pages alone: existing rows stay as they are.
ALTER TABLE "deliveries" SET (fillfactor = 50);
ALTER TABLE "posting_attempts" SET (fillfactor = 50);
