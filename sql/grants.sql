-- Four users, so that each can do its own work and nothing else.
--
--   bridge           the service: data in the bridge's tables. The audit trail it can only add to, and chain.
--   bridge_schema    bridge db upgrade: makes and alters the bridge's tables, and notes which migrations it applied.
--   bridge_reports   reads for reports and dashboards of yours. No signing keys, not even sealed.
--   bridge_whmcs     reads the WHMCS tables named below (BRIDGE_WHMCS_DATABASE_URL). It can write nothing.
--
-- Replace before use: bridge_database and whmcs_database (the same name when the bridge lives in WHMCS's database),
-- bridge.host (where the bridge runs, as the database sees it; localhost on one machine), and each PASSWORD-OF-....
-- Rights are given table by table, so nothing here reaches a WHMCS table that is not named.
--
-- Run part 1, then bridge db upgrade with bridge_schema in BRIDGE_DATABASE_URL, then part 2 (a right on data needs its
-- table to be there). After a later upgrade run the new file's parts in the same order; repeating them does no harm.
-- On shared hosting without rights of your own to give, let the bridge read WHMCS through its addon instead.

-- --- part 1: before the first bridge db upgrade ---------------------------------------------------------------------

CREATE DATABASE IF NOT EXISTS bridge_database CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;

CREATE USER IF NOT EXISTS 'bridge'@'bridge.host' IDENTIFIED BY 'PASSWORD-OF-BRIDGE';
CREATE USER IF NOT EXISTS 'bridge_schema'@'bridge.host' IDENTIFIED BY 'PASSWORD-OF-SCHEMA';
CREATE USER IF NOT EXISTS 'bridge_reports'@'bridge.host' IDENTIFIED BY 'PASSWORD-OF-REPORTS';
CREATE USER IF NOT EXISTS 'bridge_whmcs'@'bridge.host' IDENTIFIED BY 'PASSWORD-OF-WHMCS';

GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_migrations TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_installation TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_jobs TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_audit TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_keys TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_nonces TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_requests TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_servers TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_handlers TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_extended_rates TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_extended_rates_tariff TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_departments TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_providers TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_decks TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_deck_states TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_deck_rows TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_domains TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_lanes TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_services TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_extensions TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_gateways TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_destinations TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_routes TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_placements TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_leftovers TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_operations TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_tasks TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_announcements TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_findings TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_notices TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT ON bridge_database.mod_ictvoipbilling_deliveries TO 'bridge_schema'@'bridge.host';
GRANT CREATE, ALTER, INDEX, SELECT, INSERT, DELETE ON bridge_database.mod_ictvoipbilling_country_codes TO 'bridge_schema'@'bridge.host';

-- The table of a deck is named when the deck is activated. This procedure allows the service that one table, and knows
-- no other names. MySQL has no EXECUTE IMMEDIATE: there, leave the next three statements out, and give the service these
-- rights on the table that bridge tariff import names.
DROP PROCEDURE IF EXISTS bridge_database.mod_ictvoipbilling_allow_deck;
CREATE PROCEDURE bridge_database.mod_ictvoipbilling_allow_deck (IN deck VARCHAR(64)) SQL SECURITY DEFINER
  EXECUTE IMMEDIATE IF(
    BINARY deck REGEXP '^mod_ictvoipbilling_tariff_[a-z0-9_]+_[0-9]{4}_[0-9]{2}(_[0-9]{1,3})?$',
    CONCAT(
      'GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP ON bridge_database.`', deck,
      '` TO ''bridge''@''bridge.host'''
    ),
    'SIGNAL SQLSTATE ''45000'' SET MESSAGE_TEXT = ''not the table of a deck'''
  );
GRANT EXECUTE ON PROCEDURE bridge_database.mod_ictvoipbilling_allow_deck TO 'bridge'@'bridge.host';

-- What the bridge reads of WHMCS. Where a table also holds passwords, the columns are named, and theirs are not.
GRANT SELECT (
  id, userid, packageid, server, domainstatus, domain, username, suspendreason, overideautosuspend,
  overidesuspenduntil, regdate, nextduedate, termination_date, billingcycle
) ON whmcs_database.tblhosting TO 'bridge_whmcs'@'bridge.host';
GRANT SELECT ON whmcs_database.tblproducts TO 'bridge_whmcs'@'bridge.host';
GRANT SELECT ON whmcs_database.tblemailtemplates TO 'bridge_whmcs'@'bridge.host';
GRANT SELECT ON whmcs_database.tblproductconfigoptions TO 'bridge_whmcs'@'bridge.host';
GRANT SELECT ON whmcs_database.tblproductconfigoptionssub TO 'bridge_whmcs'@'bridge.host';
GRANT SELECT ON whmcs_database.tblproductconfiglinks TO 'bridge_whmcs'@'bridge.host';
GRANT SELECT ON whmcs_database.tblhostingconfigoptions TO 'bridge_whmcs'@'bridge.host';
GRANT SELECT ON whmcs_database.tblhostingaddons TO 'bridge_whmcs'@'bridge.host';
GRANT SELECT ON whmcs_database.tbladdons TO 'bridge_whmcs'@'bridge.host';
GRANT SELECT ON whmcs_database.tblcustomfields TO 'bridge_whmcs'@'bridge.host';
GRANT SELECT ON whmcs_database.tblcustomfieldsvalues TO 'bridge_whmcs'@'bridge.host';
GRANT SELECT (
  id, status, currency, groupid
) ON whmcs_database.tblclients TO 'bridge_whmcs'@'bridge.host';
GRANT SELECT ON whmcs_database.tblclientgroups TO 'bridge_whmcs'@'bridge.host';
GRANT SELECT ON whmcs_database.tblcurrencies TO 'bridge_whmcs'@'bridge.host';
GRANT SELECT (
  id, name, hostname, ipaddress, type, secure, port, username, disabled, maxaccounts
) ON whmcs_database.tblservers TO 'bridge_whmcs'@'bridge.host';
GRANT SELECT ON whmcs_database.tblservergroups TO 'bridge_whmcs'@'bridge.host';
GRANT SELECT ON whmcs_database.tblservergroupsrel TO 'bridge_whmcs'@'bridge.host';
GRANT SELECT ON whmcs_database.tblconfiguration TO 'bridge_whmcs'@'bridge.host';
GRANT SELECT ON whmcs_database.tbladdonmodules TO 'bridge_whmcs'@'bridge.host';

-- --- part 2: after bridge db upgrade --------------------------------------------------------------------------------

-- Append-only: a row of the audit trail can be added and chained, never changed or removed, whoever has the service.
GRANT SELECT, INSERT, UPDATE (sealed_no, chain) ON bridge_database.mod_ictvoipbilling_audit TO 'bridge'@'bridge.host';

-- Which migrations were applied is for bridge_schema to write.
GRANT SELECT ON bridge_database.mod_ictvoipbilling_migrations TO 'bridge'@'bridge.host';

GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_installation TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_jobs TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_keys TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_nonces TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_requests TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_servers TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_handlers TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_extended_rates TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_extended_rates_tariff TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_departments TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_providers TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_decks TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_deck_states TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_deck_rows TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_domains TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_lanes TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_services TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_extensions TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_gateways TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_destinations TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_routes TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_placements TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_leftovers TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_operations TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_tasks TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_announcements TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_findings TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_notices TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_deliveries TO 'bridge'@'bridge.host';
GRANT SELECT, INSERT, UPDATE, DELETE ON bridge_database.mod_ictvoipbilling_country_codes TO 'bridge'@'bridge.host';

GRANT SELECT ON bridge_database.mod_ictvoipbilling_migrations TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_installation TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_jobs TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_audit TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_nonces TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_requests TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_servers TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_handlers TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_extended_rates TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_extended_rates_tariff TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_departments TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_providers TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_decks TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_deck_states TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_deck_rows TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_domains TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_lanes TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_services TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_extensions TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_gateways TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_destinations TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_routes TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_placements TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_leftovers TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_operations TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_tasks TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_announcements TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_findings TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_notices TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_deliveries TO 'bridge_reports'@'bridge.host';
GRANT SELECT ON bridge_database.mod_ictvoipbilling_country_codes TO 'bridge_reports'@'bridge.host';
