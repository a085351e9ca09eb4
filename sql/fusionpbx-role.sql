-- The role that the bridge has in FusionPBX's PostgreSQL: it reads what it compares, writes what it sells, and is no
-- superuser. Run it in FusionPBX's own database, as its administrator:
--
--   sudo -u postgres psql -d fusionpbx -f fusionpbx-role.sql
--   sudo -u postgres psql -d fusionpbx -c "ALTER ROLE voip_bridge PASSWORD 'a long one of your own'"
--
-- It can be run again, and should be after an upgrade of FusionPBX that brought new tables.

DO $role$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'voip_bridge') THEN
    CREATE ROLE voip_bridge LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT 20;
  END IF;
END
$role$;

GRANT USAGE ON SCHEMA public TO voip_bridge;

-- A tenant that ends is deleted from every table that knows it, its calls excepted: they are kept.
DO $tenants$
DECLARE
  each RECORD;
BEGIN
  FOR each IN
    SELECT c.relname AS name
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND a.attname = 'domain_uuid' AND NOT a.attisdropped AND c.relname NOT LIKE 'v\_xml\_cdr%'
  LOOP
    EXECUTE format('GRANT SELECT, DELETE ON %I TO voip_bridge', each.name);
  END LOOP;
END
$tenants$;

-- What the bridge makes and changes.
GRANT INSERT, UPDATE ON v_domains, v_domain_settings, v_extensions, v_voicemails, v_gateways, v_destinations,
  v_dialplans, v_dialplan_details, v_users, v_user_groups TO voip_bridge;

-- What it reads: calls, and how the switch is set up.
DO $reading$
DECLARE
  each TEXT;
BEGIN
  FOREACH each IN ARRAY ARRAY['v_xml_cdr', 'v_xml_cdr_flow', 'v_xml_cdr_json', 'v_software', 'v_default_settings',
    'v_sip_profiles', 'v_sip_profile_settings', 'v_fax_logs', 'v_fax_files', 'v_conference_sessions',
    'v_conference_session_details', 'v_groups']
  LOOP
    IF to_regclass(each) IS NOT NULL THEN
      EXECUTE format('GRANT SELECT ON %I TO voip_bridge', each);
    END IF;
  END LOOP;
END
$reading$;

-- Without this index a poll for new calls reads every call there ever was:
--
--   CREATE INDEX CONCURRENTLY IF NOT EXISTS v_xml_cdr_insert_date ON v_xml_cdr (insert_date, xml_cdr_uuid);
