-- The foundation: the house, the door, what is configured, what is wanted and what is there, work, and people being told.
--
-- Every table is InnoDB and utf8mb4; identifiers and words of ours are ascii_bin, compared byte by byte. Times are UTC.
-- Columns sealed under the master key open with that key alone; a copy of the database without it holds no secret.

CREATE TABLE mod_ictvoipbilling_migrations (
  `version` INT NOT NULL
    COMMENT 'The number its file name starts with',
  `name` VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'The file name without .sql',
  `checksum` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'SHA-256 over what the statements said when applied; another value now means another build made this database',
  `applied_at` DATETIME(6) NOT NULL
    COMMENT 'When its last statement was done, UTC',
  PRIMARY KEY (`version`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='Which numbered migrations of sql/ have been applied here. Written by bridge db upgrade alone.';

CREATE TABLE mod_ictvoipbilling_installation (
  `name` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'Which fact',
  `value` LONGTEXT NULL
    COMMENT 'The fact as a JSON document',
  `updated_at` DATETIME(6) NOT NULL
    COMMENT 'When it last changed, UTC',
  PRIMARY KEY (`name`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='What is true of this installation as a whole: its random id, the pinned WHMCS, restore mode, freeze switches. One row a fact.';

CREATE TABLE mod_ictvoipbilling_jobs (
  `name` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'Which job',
  `owner` VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NULL
    COMMENT 'The process working on this row now, as host:pid:start; NULL when nobody does',
  `epoch` BIGINT NOT NULL
    COMMENT 'Counts how often the row was taken; a write with an older epoch is refused, so a late worker can do no harm',
  `lease_until` DATETIME(6) NULL
    COMMENT 'The owner holds the row until then; afterwards anybody may take it. To free a stuck row: wait, nothing else',
  `due_at` DATETIME(6) NOT NULL
    COMMENT 'When it is to run next, UTC. Set it to the past to run it now',
  `started_at` DATETIME(6) NULL
    COMMENT 'When it last began, UTC',
  `finished_at` DATETIME(6) NULL
    COMMENT 'When it last came to an end, UTC; before started_at means running, or died while running',
  `result` LONGTEXT NULL
    COMMENT 'What the last run said of itself: counts, or the reason it stopped',
  PRIMARY KEY (`name`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='Work that comes round again (sweep, probe, digest, sealing): when it is due and which process does it now.';

CREATE TABLE mod_ictvoipbilling_audit (
  `id` BIGINT NOT NULL AUTO_INCREMENT
    COMMENT 'Order of writing. Gaps are transactions that were rolled back',
  `at` DATETIME(6) NOT NULL
    COMMENT 'When it happened, by the database''s clock, UTC',
  `actor` VARCHAR(128) NOT NULL
    COMMENT 'Who: a signing key id, a person''s name, or the job that acted by itself',
  `action` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'What was done, as noun.verb: service.create, task.complete, server.pause',
  `subject` VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'To what, as kind:id, such as service:4711',
  `before` LONGTEXT NULL
    COMMENT 'What changed, as it was: JSON of the changed members only, never a secret',
  `after` LONGTEXT NULL
    COMMENT 'What changed, as it is now: JSON of the changed members only, never a secret',
  `reason` VARCHAR(500) NULL
    COMMENT 'Why, in the words of the person who did it',
  `sealed_no` BIGINT NULL
    COMMENT 'Place in the chain, counted without a gap; NULL for the seconds until the sealing job comes by. Rows are chained as they are found: one committed late has a lower id and a higher place',
  `chain` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL
    COMMENT 'SHA-256 over this row and the chain of the row placed before it; NULL until it is sealed',
  PRIMARY KEY (`id`),
  UNIQUE KEY audit_sealed (`sealed_no`),
  KEY audit_subject (`subject`, `id`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='Who changed what, when and why. Rows are only ever added; place and chain are filled in once, by the sealing job.';

CREATE TABLE mod_ictvoipbilling_keys (
  `id` BIGINT NOT NULL AUTO_INCREMENT
    COMMENT 'Order of making; the newest row of a key id is its current secret',
  `key_id` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'The name the caller sends, in the open',
  `secret` VARBINARY(1024) NULL
    COMMENT 'The 32-byte signing secret, sealed under the master key; NULL once destroyed',
  `scopes` LONGTEXT NOT NULL
    COMMENT 'Methods this key may call, as a JSON list such as ["service.*"]; an empty list means every method',
  `created_at` DATETIME(6) NOT NULL
    COMMENT 'When it was made, UTC',
  `created_by` VARCHAR(128) NOT NULL
    COMMENT 'Who made it',
  `ends_at` DATETIME(6) NULL
    COMMENT 'Accepted until then, UTC: set on the old secret at rotation. NULL means no end',
  `revoked_at` DATETIME(6) NULL
    COMMENT 'Refused since then, UTC; NULL while it is good',
  PRIMARY KEY (`id`),
  KEY keys_key_id (`key_id`, `id`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='Signing keys of those who may call. A key id may have two rows during rotation: the newest signs, both are accepted.';

CREATE TABLE mod_ictvoipbilling_nonces (
  `key_id` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'The key that signed the request',
  `nonce` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'The random value the request carried, 32 hex digits',
  `expires_at` DATETIME(6) NOT NULL
    COMMENT 'May be forgotten then, UTC: the signature is too old to be accepted afterwards',
  PRIMARY KEY (`key_id`, `nonce`),
  KEY nonces_expires (`expires_at`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='Requests already seen, so that a copied one is refused. Rows expire after minutes and may be lost without harm then.';

CREATE TABLE mod_ictvoipbilling_requests (
  `caller` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'The key id that asked',
  `idempotency_key` VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'The caller''s own name for this one request',
  `method` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'The method asked for; the same key with another method is refused',
  `params_hash` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'SHA-256 over the parameters; the same key with other parameters is refused',
  `operation_id` BIGINT NULL
    COMMENT 'The operation this request made, operations.id; NULL when it made none',
  `answer` LONGTEXT NULL
    COMMENT 'What was answered, to be answered again; NULL while the first request is still running',
  `created_at` DATETIME(6) NOT NULL
    COMMENT 'When it first arrived, UTC',
  `expires_at` DATETIME(6) NOT NULL
    COMMENT 'The key may be used anew after that, UTC',
  PRIMARY KEY (`caller`, `idempotency_key`),
  KEY requests_expires (`expires_at`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='Idempotency keys: what was asked under each and what was answered, so that a repeat gets the same answer.';

CREATE TABLE mod_ictvoipbilling_servers (
  `server_id` BIGINT NOT NULL
    COMMENT 'The id of the server in WHMCS, tblservers.id',
  `name` VARCHAR(255) NOT NULL
    COMMENT 'What people call it',
  `driver` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'Which PBX driver speaks to it: fusionpbx, vodia, memory',
  `config` LONGTEXT NOT NULL
    COMMENT 'How it is reached, as JSON: address, port, what the driver needs. Never a password',
  `secret` VARBINARY(1024) NULL
    COMMENT 'The credentials for it, sealed under the master key',
  `enabled` INT NOT NULL
    COMMENT '1: may be used for new tenants; 0: keeps serving those it has',
  `is_default` INT NOT NULL
    COMMENT '1: chosen when WHMCS names no server',
  `accounts_max` BIGINT NULL
    COMMENT 'Most tenants it should carry; NULL means no limit',
  `group_id` BIGINT NULL
    COMMENT 'The server group in WHMCS, tblservergroups.id',
  `zone` VARCHAR(253) CHARACTER SET ascii COLLATE ascii_bin NULL
    COMMENT 'The domain under which new tenants are named when WHMCS has no name for them',
  `cdr_group` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL
    COMMENT 'Servers that replicate each other share this word: one call id is one call among them',
  `health` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'What the last test said: unknown, green or red. Automation waits unless green',
  `checks` LONGTEXT NULL
    COMMENT 'The answers of the last test, one by one, as JSON',
  `tested_at` DATETIME(6) NULL
    COMMENT 'When it was last tested, UTC',
  `red_tests` BIGINT NOT NULL
    COMMENT 'How many tests in a row were red',
  `unreachable_since` DATETIME(6) NULL
    COMMENT 'Since when it does not answer, UTC; its operations wait. NULL while it answers',
  `probe_at` DATETIME(6) NULL
    COMMENT 'When to knock again, UTC; NULL while it answers',
  `paused_at` DATETIME(6) NULL
    COMMENT 'Since when a person keeps it paused, UTC: everything for it queues. NULL when it runs',
  `paused_by` VARCHAR(128) NULL
    COMMENT 'Who paused it',
  `paused_reason` VARCHAR(500) NULL
    COMMENT 'Why, in that person''s words',
  `override_by` VARCHAR(128) NULL
    COMMENT 'Who allowed automation although the last test was red; NULL when nobody did',
  `created_at` DATETIME(6) NOT NULL
    COMMENT 'When it was first saved, UTC',
  `updated_at` DATETIME(6) NOT NULL
    COMMENT 'When its settings last changed, UTC',
  PRIMARY KEY (`server_id`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='The PBX servers, as WHMCS knows them, and how they were when last looked at.';

CREATE TABLE mod_ictvoipbilling_handlers (
  `id` BIGINT NOT NULL AUTO_INCREMENT
    COMMENT 'Row number',
  `product_id` BIGINT NOT NULL
    COMMENT 'The product in WHMCS, tblproducts.id',
  `server_id` BIGINT NOT NULL
    COMMENT 'The server it is provisioned on, servers.server_id; 0 means any server without a row of its own',
  `driver` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'The driver, or manual: then every operation becomes a task for a person',
  `department` VARCHAR(64) NOT NULL
    COMMENT 'Who hears of trouble with it, departments.name',
  `enabled` INT NOT NULL
    COMMENT '1: new services are provisioned; 0: creating is refused, existing services are served on',
  `settings` LONGTEXT NOT NULL
    COMMENT 'Naming template, limits and options of the product, as JSON',
  `updated_at` DATETIME(6) NOT NULL
    COMMENT 'When it last changed, UTC',
  PRIMARY KEY (`id`),
  UNIQUE KEY handlers_product_server (`product_id`, `server_id`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='For each WHMCS product and server: which driver provisions it, with which settings, and which department hears of trouble.';

CREATE TABLE mod_ictvoipbilling_extended_rates (
  `id` BIGINT NOT NULL AUTO_INCREMENT
    COMMENT 'Row number',
  `product_id` BIGINT NOT NULL
    COMMENT 'The product in WHMCS it belongs to, tblproducts.id',
  `version` BIGINT NOT NULL
    COMMENT 'Counts the versions of a product''s package from 1',
  `name` VARCHAR(255) NOT NULL
    COMMENT 'The package''s name',
  `package` LONGTEXT NOT NULL
    COMMENT 'The whole package as JSON, as it was loaded',
  `created_at` DATETIME(6) NOT NULL
    COMMENT 'When it was loaded, UTC',
  `created_by` VARCHAR(128) NOT NULL
    COMMENT 'Who loaded it',
  PRIMARY KEY (`id`),
  UNIQUE KEY extended_rates_product_version (`product_id`, `version`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='Packages as loaded, every version kept. The newest version of a product is the one in force.';

CREATE TABLE mod_ictvoipbilling_extended_rates_tariff (
  `id` BIGINT NOT NULL AUTO_INCREMENT
    COMMENT 'Row number',
  `product_id` BIGINT NOT NULL
    COMMENT 'The product in WHMCS, extended_rates.product_id',
  `version` BIGINT NOT NULL
    COMMENT 'The version of its package, extended_rates.version',
  `country` VARCHAR(2) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'Where the PBX stands, country_codes.iso_code',
  `country_code` VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'What numbers of that country begin with in E.164',
  `currency` VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'What its prices are in, ISO 4217',
  `tariff` VARCHAR(255) NULL
    COMMENT 'The tariff of outbound calls; NULL takes the provider''s default',
  `inbound_tariff` VARCHAR(255) NULL
    COMMENT 'The tariff of inbound calls; NULL when there is none',
  `cost_tariff` VARCHAR(255) NULL
    COMMENT 'What calls are bought at; NULL when that is the tariff itself',
  PRIMARY KEY (`id`),
  UNIQUE KEY extended_rates_tariff_product_version (`product_id`, `version`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='Which tariffs and country each version of a package was given.';

CREATE TABLE mod_ictvoipbilling_departments (
  `name` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'What handlers and tasks call it',
  `channels` LONGTEXT NOT NULL
    COMMENT 'Where its messages go, as a JSON list: mail, ticket, WHMCS notification, webhook',
  `secret` VARBINARY(1024) NULL
    COMMENT 'Secrets of those channels by name, sealed together under the master key; NULL when there are none',
  `escalate_after_hours` BIGINT NOT NULL
    COMMENT 'A task nobody claimed for so long goes to escalate_to; 0 means never',
  `escalate_to` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL
    COMMENT 'The department told then, departments.name; NULL: the same one is told again',
  `updated_at` DATETIME(6) NOT NULL
    COMMENT 'When it last changed, UTC',
  PRIMARY KEY (`name`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='Who is told when something needs a person, by which channels, and after how long somebody else is.';

CREATE TABLE mod_ictvoipbilling_providers (
  `id` BIGINT NOT NULL AUTO_INCREMENT
    COMMENT 'Row number',
  `slug` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'The name in a-z, 0-9 and _: what decks.provider and the names of their tables say',
  `name` VARCHAR(255) NOT NULL
    COMMENT 'As people call it, such as FusionPBX - Telnyx - Global',
  `kind` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'carrier, pbx or hybrid',
  `currency` VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NULL
    COMMENT 'What its price lists are in where they do not say, ISO 4217',
  `tariff` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL
    COMMENT 'The series that packages without a tariff take, decks.series',
  `reading` LONGTEXT NOT NULL
    COMMENT 'How its last price list was read, JSON: columns, unit, dates, time zone',
  `filters` LONGTEXT NOT NULL
    COMMENT 'Numbers that no package bills or shows, JSON: suppress, unbilled',
  `scope` LONGTEXT NOT NULL
    COMMENT 'The parts of its name for filtering, JSON: vendor, carrier, scope',
  `created_at` DATETIME(6) NOT NULL
    COMMENT 'When it was first saved, UTC',
  `updated_at` DATETIME(6) NOT NULL
    COMMENT 'When it was last saved, UTC',
  PRIMARY KEY (`id`),
  UNIQUE KEY providers_slug (`slug`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='Whose price lists there are: carriers, and PBXs that sell minutes themselves.';

CREATE TABLE mod_ictvoipbilling_decks (
  `id` BIGINT NOT NULL AUTO_INCREMENT
    COMMENT 'Row number: the deck',
  `provider` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'Whose price list it is, providers.slug',
  `series` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'The tariff that packages name, in a-z, 0-9 and _; its decks follow one another in time',
  `name` VARCHAR(255) NOT NULL
    COMMENT 'The series as it was typed',
  `direction` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'outbound, inbound or conference',
  `currency` VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'What its prices are in, ISO 4217',
  `route_class` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'value or premium',
  `time_zone` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'What its hours and dates without a zone are in',
  `state` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'staged, loading, active or withdrawn',
  `effective_from` DATETIME(6) NOT NULL
    COMMENT 'From when calls are priced by it, until the next of its series, UTC',
  `table_name` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL
    COMMENT 'The table with its rows; NULL before it is activated',
  `digest` VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NULL
    COMMENT 'Tells whether somebody changed that table since it was last looked at',
  `deck_state` BIGINT NOT NULL
    COMMENT 'Counts what was changed in it; a charge names it',
  `prefixes` BIGINT NOT NULL
    COMMENT 'How many rows it has',
  `file_digest` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'SHA-256 of the file it came from',
  `file_name` VARCHAR(255) NOT NULL
    COMMENT 'What that file was called',
  `reading` LONGTEXT NOT NULL
    COMMENT 'How it was read, and which rows were refused or doubted, JSON',
  `diff` LONGTEXT NOT NULL
    COMMENT 'What it changes against the deck before it, JSON',
  `staged_at` DATETIME(6) NOT NULL
    COMMENT 'When it was read, UTC',
  `staged_by` VARCHAR(128) NOT NULL
    COMMENT 'Who had it read',
  `activated_at` DATETIME(6) NULL
    COMMENT 'When it was activated, UTC',
  `activated_by` VARCHAR(128) NULL
    COMMENT 'Who activated it',
  `withdrawn_at` DATETIME(6) NULL
    COMMENT 'When it was taken back, UTC',
  `withdrawn_by` VARCHAR(128) NULL
    COMMENT 'Who took it back',
  PRIMARY KEY (`id`),
  KEY decks_series (`series`, `effective_from`),
  UNIQUE KEY decks_table_name (`table_name`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='The catalogue of decks. Each that was activated has a table of its own.';

CREATE TABLE mod_ictvoipbilling_deck_states (
  `id` BIGINT NOT NULL AUTO_INCREMENT
    COMMENT 'Row number',
  `deck_id` BIGINT NOT NULL
    COMMENT 'The deck, decks.id',
  `deck_state` BIGINT NOT NULL
    COMMENT 'The state that began with this change',
  `added` BIGINT NOT NULL
    COMMENT 'How many rows came, or came to be as they are',
  `removed` BIGINT NOT NULL
    COMMENT 'How many rows went, or were another way before',
  `noted_at` DATETIME(6) NOT NULL
    COMMENT 'When the change was made, or noticed in the table, UTC',
  `noted_by` VARCHAR(128) NOT NULL
    COMMENT 'Who made or noticed it',
  PRIMARY KEY (`id`),
  UNIQUE KEY deck_states_deck (`deck_id`, `deck_state`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='What was changed in decks after they were activated. What the rows were before is in deck_rows.';

CREATE TABLE mod_ictvoipbilling_deck_rows (
  `id` BIGINT NOT NULL AUTO_INCREMENT
    COMMENT 'Row number',
  `deck_id` BIGINT NOT NULL
    COMMENT 'The deck, decks.id',
  `deck_state` BIGINT NOT NULL
    COMMENT 'Which of its states: all rows of the newest, and of each before it what made the next one',
  `kind` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'rows, added or removed',
  `piece` BIGINT NOT NULL
    COMMENT 'Counts the pieces',
  `content` VARBINARY(60000) NOT NULL
    COMMENT 'A piece of the packed rows',
  PRIMARY KEY (`id`),
  UNIQUE KEY deck_rows_piece (`deck_id`, `deck_state`, `kind`, `piece`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='The rows of every deck as prices are found by: packed, and read a hundred times faster than its table.';

CREATE TABLE mod_ictvoipbilling_domains (
  `id` BIGINT NOT NULL AUTO_INCREMENT
    COMMENT 'The tenant''s own number: tenant_id everywhere else',
  `server_id` BIGINT NOT NULL
    COMMENT 'The PBX it lives on, servers.server_id',
  `domain` VARCHAR(253) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'Its domain name, unique over all servers',
  `pbx_uuid` VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'The identifier we chose for it before the first attempt and write on the PBX as our mark',
  `client_id` BIGINT NOT NULL
    COMMENT 'Whose it is: the client in WHMCS, tblclients.id',
  `wanted_state` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'present, restricted or absent, as the sum of its services',
  `actual_state` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'What the PBX had when last seen: present, restricted, absent or unknown',
  `wanted` LONGTEXT NULL
    COMMENT 'The tenant we want, as JSON without secrets; NULL before the first operation',
  `applied` LONGTEXT NULL
    COMMENT 'The tenant as we last made it, as JSON without secrets',
  `actual` LONGTEXT NULL
    COMMENT 'The tenant as last seen on the PBX, as JSON without secrets',
  `held_by_hand` LONGTEXT NOT NULL
    COMMENT 'What an operator disabled by hand, as a JSON list of kind and key: it stays disabled through suspend and unsuspend',
  `switching_off` LONGTEXT NOT NULL
    COMMENT 'What we had begun to disable when last at it, as JSON: found disabled later, it is our doing and nobody held it',
  `content_hash` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL
    COMMENT 'SHA-256 of the tenant as last seen; equal hashes need no comparison',
  `origin` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'How it came here: created by us, adopted or imported',
  `first_seen` DATETIME(6) NULL
    COMMENT 'When a sweep first saw it on the PBX, UTC',
  `last_seen` DATETIME(6) NULL
    COMMENT 'When a sweep last saw it on the PBX, UTC',
  `last_synced` DATETIME(6) NULL
    COMMENT 'When the PBX was last made to match what is wanted, UTC',
  `delete_after` DATETIME(6) NULL
    COMMENT 'Terminated: really removed after that, UTC; creating again before restores it whole. NULL otherwise',
  PRIMARY KEY (`id`),
  KEY domains_delete_after (`delete_after`),
  UNIQUE KEY domains_domain (`domain`),
  KEY domains_server (`server_id`, `id`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='The tenants: what is wanted of each, what was last applied, and what was last seen on its PBX.';

CREATE TABLE mod_ictvoipbilling_lanes (
  `tenant_id` BIGINT NOT NULL
    COMMENT 'The tenant, domains.id',
  `server_id` BIGINT NOT NULL
    COMMENT 'Its PBX, repeated here so that a claim touches this table alone',
  `due_at` DATETIME(6) NULL
    COMMENT 'When its next operation may run, UTC; NULL when there is nothing to do',
  `owner` VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NULL
    COMMENT 'The process working on this row now, as host:pid:start; NULL when nobody does',
  `epoch` BIGINT NOT NULL
    COMMENT 'Counts how often the row was taken; a write with an older epoch is refused, so a late worker can do no harm',
  `lease_until` DATETIME(6) NULL
    COMMENT 'The owner holds the row until then; afterwards anybody may take it. To free a stuck row: wait, nothing else',
  `head_generation` BIGINT NOT NULL
    COMMENT 'The number of the newest operation of the tenant; older ones may be superseded by it',
  PRIMARY KEY (`tenant_id`),
  KEY lanes_due (`due_at`, `tenant_id`),
  KEY lanes_server (`server_id`, `tenant_id`),
  KEY lanes_owner (`owner`, `server_id`, `lease_until`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='One row a tenant: its operations run one at a time, and this says who runs them now and when the next is due.';

CREATE TABLE mod_ictvoipbilling_services (
  `service_id` BIGINT NOT NULL
    COMMENT 'The service in WHMCS, tblhosting.id',
  `tenant_id` BIGINT NULL
    COMMENT 'The tenant it belongs to, domains.id; NULL until one is known',
  `client_id` BIGINT NOT NULL
    COMMENT 'Whose it is: the client in WHMCS, tblclients.id',
  `product_id` BIGINT NOT NULL
    COMMENT 'What was bought: the product in WHMCS, tblproducts.id',
  `server_id` BIGINT NULL
    COMMENT 'The PBX WHMCS names for it, servers.server_id; NULL when it names none',
  `department` VARCHAR(64) NOT NULL
    COMMENT 'Who hears of trouble with it, departments.name',
  `status` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'What is wanted of it: Pending, Active, Suspended or Terminated, in WHMCS''s words',
  `resources` LONGTEXT NOT NULL
    COMMENT 'What it contributes to its tenant, as JSON: limits, features, names',
  `options` LONGTEXT NOT NULL
    COMMENT 'Its configurable options as WHMCS sent them last, as JSON',
  `custom_fields` LONGTEXT NOT NULL
    COMMENT 'Its custom fields as WHMCS sent them last, as JSON',
  `over_limit` LONGTEXT NOT NULL
    COMMENT 'Limits it uses more of than its package allows, as a JSON list; empty when all is well',
  `username` VARCHAR(128) NOT NULL
    COMMENT 'User name of the tenant''s portal administrator',
  `password` VARBINARY(1024) NULL
    COMMENT 'That administrator''s password, sealed under the master key; NULL before one was set',
  `generation` BIGINT NOT NULL
    COMMENT 'Counts the operations asked for this service; the newest one is what is wanted',
  `suspend_reason` VARCHAR(500) NULL
    COMMENT 'Why it is suspended, as WHMCS said; NULL when it is not',
  `package_version` BIGINT NULL
    COMMENT 'The version of its package it runs under, extended_rates.version',
  `welcomed_at` DATETIME(6) NULL
    COMMENT 'When the welcome mail was asked for, UTC: it is sent once. NULL before',
  `created_at` DATETIME(6) NOT NULL
    COMMENT 'When the bridge first heard of it, UTC',
  `updated_at` DATETIME(6) NOT NULL
    COMMENT 'When what is wanted of it last changed, UTC',
  PRIMARY KEY (`service_id`),
  KEY services_client (`client_id`, `service_id`),
  KEY services_tenant (`tenant_id`, `service_id`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='What customers bought in WHMCS, and what each service contributes to its tenant.';

CREATE TABLE mod_ictvoipbilling_extensions (
  `id` BIGINT NOT NULL AUTO_INCREMENT
    COMMENT 'Row number',
  `tenant_id` BIGINT NOT NULL
    COMMENT 'The tenant it is in, domains.id',
  `service_id` BIGINT NULL
    COMMENT 'The service that wants it, tblhosting.id in WHMCS; NULL when the tenant as a whole does, or nobody',
  `number` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'Its number inside the tenant',
  `pbx_uuid` VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'The identifier we chose for it before the first attempt, so that a repeat cannot make a second one',
  `wanted` LONGTEXT NULL
    COMMENT 'As wanted, as JSON without secrets; NULL when it is not wanted',
  `applied` LONGTEXT NULL
    COMMENT 'As we last made it, as JSON without secrets; NULL when we never did',
  `actual` LONGTEXT NULL
    COMMENT 'As last seen on the PBX, as JSON without secrets; NULL when it was not there',
  `secret` VARBINARY(1024) NULL
    COMMENT 'Its password, sealed under the master key; NULL when it has none',
  `held_by_hand` INT NOT NULL
    COMMENT '1: an operator disabled it by hand, and it stays so through suspend and unsuspend',
  `content_hash` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL
    COMMENT 'SHA-256 of it as last seen; equal hashes need no comparison',
  `origin` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'How it came here: created by us, adopted or imported',
  `first_seen` DATETIME(6) NULL
    COMMENT 'When a sweep first saw it on the PBX, UTC',
  `last_seen` DATETIME(6) NULL
    COMMENT 'When a sweep last saw it on the PBX, UTC',
  `last_synced` DATETIME(6) NULL
    COMMENT 'When the PBX was last made to match what is wanted, UTC',
  PRIMARY KEY (`id`),
  UNIQUE KEY extensions_key (`tenant_id`, `number`),
  KEY extensions_service (`service_id`, `id`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='Telephones and users inside a tenant: as wanted, as last applied, as last seen.';

CREATE TABLE mod_ictvoipbilling_gateways (
  `id` BIGINT NOT NULL AUTO_INCREMENT
    COMMENT 'Row number',
  `tenant_id` BIGINT NOT NULL
    COMMENT 'The tenant it is in, domains.id',
  `service_id` BIGINT NULL
    COMMENT 'The service that wants it, tblhosting.id in WHMCS; NULL when the tenant as a whole does, or nobody',
  `name` VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'Its name, unique in the tenant',
  `pbx_uuid` VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'The identifier we chose for it before the first attempt, so that a repeat cannot make a second one',
  `wanted` LONGTEXT NULL
    COMMENT 'As wanted, as JSON without secrets; NULL when it is not wanted',
  `applied` LONGTEXT NULL
    COMMENT 'As we last made it, as JSON without secrets; NULL when we never did',
  `actual` LONGTEXT NULL
    COMMENT 'As last seen on the PBX, as JSON without secrets; NULL when it was not there',
  `secret` VARBINARY(1024) NULL
    COMMENT 'Its password, sealed under the master key; NULL when it has none',
  `held_by_hand` INT NOT NULL
    COMMENT '1: an operator disabled it by hand, and it stays so through suspend and unsuspend',
  `content_hash` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL
    COMMENT 'SHA-256 of it as last seen; equal hashes need no comparison',
  `origin` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'How it came here: created by us, adopted or imported',
  `first_seen` DATETIME(6) NULL
    COMMENT 'When a sweep first saw it on the PBX, UTC',
  `last_seen` DATETIME(6) NULL
    COMMENT 'When a sweep last saw it on the PBX, UTC',
  `last_synced` DATETIME(6) NULL
    COMMENT 'When the PBX was last made to match what is wanted, UTC',
  PRIMARY KEY (`id`),
  UNIQUE KEY gateways_key (`tenant_id`, `name`),
  KEY gateways_service (`service_id`, `id`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='Lines to carriers inside a tenant: as wanted, as last applied, as last seen.';

CREATE TABLE mod_ictvoipbilling_destinations (
  `id` BIGINT NOT NULL AUTO_INCREMENT
    COMMENT 'Row number',
  `tenant_id` BIGINT NOT NULL
    COMMENT 'The tenant it is in, domains.id',
  `service_id` BIGINT NULL
    COMMENT 'The service that wants it, tblhosting.id in WHMCS; NULL when the tenant as a whole does, or nobody',
  `number` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'The public number, E.164 digits',
  `pbx_uuid` VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'The identifier we chose for it before the first attempt, so that a repeat cannot make a second one',
  `wanted` LONGTEXT NULL
    COMMENT 'As wanted, as JSON without secrets; NULL when it is not wanted',
  `applied` LONGTEXT NULL
    COMMENT 'As we last made it, as JSON without secrets; NULL when we never did',
  `actual` LONGTEXT NULL
    COMMENT 'As last seen on the PBX, as JSON without secrets; NULL when it was not there',
  `secret` VARBINARY(1024) NULL
    COMMENT 'Its password, sealed under the master key; NULL when it has none',
  `held_by_hand` INT NOT NULL
    COMMENT '1: an operator disabled it by hand, and it stays so through suspend and unsuspend',
  `content_hash` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL
    COMMENT 'SHA-256 of it as last seen; equal hashes need no comparison',
  `origin` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'How it came here: created by us, adopted or imported',
  `first_seen` DATETIME(6) NULL
    COMMENT 'When a sweep first saw it on the PBX, UTC',
  `last_seen` DATETIME(6) NULL
    COMMENT 'When a sweep last saw it on the PBX, UTC',
  `last_synced` DATETIME(6) NULL
    COMMENT 'When the PBX was last made to match what is wanted, UTC',
  `wanted_number` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL
    COMMENT 'The number again while it is wanted: it is wanted in one tenant only, over all servers',
  PRIMARY KEY (`id`),
  UNIQUE KEY destinations_key (`tenant_id`, `number`),
  UNIQUE KEY destinations_wanted_number (`wanted_number`),
  KEY destinations_service (`service_id`, `id`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='Public numbers and where their calls go inside a tenant: as wanted, as last applied, as last seen.';

CREATE TABLE mod_ictvoipbilling_routes (
  `id` BIGINT NOT NULL AUTO_INCREMENT
    COMMENT 'Row number',
  `tenant_id` BIGINT NOT NULL
    COMMENT 'The tenant it is in, domains.id',
  `service_id` BIGINT NULL
    COMMENT 'The service that wants it, tblhosting.id in WHMCS; NULL when the tenant as a whole does, or nobody',
  `name` VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'Its name, unique in the tenant',
  `pbx_uuid` VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'The identifier we chose for it before the first attempt, so that a repeat cannot make a second one',
  `wanted` LONGTEXT NULL
    COMMENT 'As wanted, as JSON without secrets; NULL when it is not wanted',
  `applied` LONGTEXT NULL
    COMMENT 'As we last made it, as JSON without secrets; NULL when we never did',
  `actual` LONGTEXT NULL
    COMMENT 'As last seen on the PBX, as JSON without secrets; NULL when it was not there',
  `secret` VARBINARY(1024) NULL
    COMMENT 'Its password, sealed under the master key; NULL when it has none',
  `held_by_hand` INT NOT NULL
    COMMENT '1: an operator disabled it by hand, and it stays so through suspend and unsuspend',
  `content_hash` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL
    COMMENT 'SHA-256 of it as last seen; equal hashes need no comparison',
  `origin` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'How it came here: created by us, adopted or imported',
  `first_seen` DATETIME(6) NULL
    COMMENT 'When a sweep first saw it on the PBX, UTC',
  `last_seen` DATETIME(6) NULL
    COMMENT 'When a sweep last saw it on the PBX, UTC',
  `last_synced` DATETIME(6) NULL
    COMMENT 'When the PBX was last made to match what is wanted, UTC',
  PRIMARY KEY (`id`),
  UNIQUE KEY routes_key (`tenant_id`, `name`),
  KEY routes_service (`service_id`, `id`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='Outbound routes of a tenant (which numbers leave by which gateway): as wanted, as last applied, as last seen.';

CREATE TABLE mod_ictvoipbilling_placements (
  `id` BIGINT NOT NULL AUTO_INCREMENT
    COMMENT 'Row number',
  `service_id` BIGINT NOT NULL
    COMMENT 'The service in WHMCS, tblhosting.id',
  `tenant_id` BIGINT NOT NULL
    COMMENT 'The tenant it belonged to then, domains.id; the row may be gone by now',
  `server_id` BIGINT NOT NULL
    COMMENT 'The PBX it lived on, servers.server_id',
  `domain` VARCHAR(253) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'The name of its tenant there',
  `from_at` DATETIME(6) NOT NULL
    COMMENT 'From when, UTC; calls answered from then on are its own',
  `to_at` DATETIME(6) NULL
    COMMENT 'Until when, UTC; NULL while it lives there',
  PRIMARY KEY (`id`),
  KEY placements_service (`service_id`, `from_at`),
  KEY placements_domain (`domain`, `server_id`, `from_at`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='Which service lived where, from when to when. Rows are added and closed, never changed otherwise.';

CREATE TABLE mod_ictvoipbilling_leftovers (
  `tenant_id` BIGINT NOT NULL
    COMMENT 'The tenant that moved away, domains.id',
  `server_id` BIGINT NOT NULL
    COMMENT 'The PBX it moved away from, servers.server_id',
  `domain` VARCHAR(253) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'Its name there',
  `pbx_uuid` VARCHAR(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'Our mark on it; without that mark nothing is deleted',
  `left_at` DATETIME(6) NOT NULL
    COMMENT 'When it moved away, UTC',
  `disabled_at` DATETIME(6) NULL
    COMMENT 'When what is left was disabled, UTC; NULL while that PBX could not be reached',
  `delete_after` DATETIME(6) NOT NULL
    COMMENT 'It may be deleted after that, UTC. To keep it longer: set it later',
  PRIMARY KEY (`tenant_id`, `server_id`),
  KEY leftovers_delete_after (`delete_after`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='What moves left on old servers: disabled, deleted when the retention is over, and then gone from here.';

CREATE TABLE mod_ictvoipbilling_operations (
  `id` BIGINT NOT NULL AUTO_INCREMENT
    COMMENT 'The operation''s number: what WHMCS and people are told',
  `tenant_id` BIGINT NULL
    COMMENT 'The tenant it works on, domains.id; NULL while none is known',
  `service_id` BIGINT NOT NULL
    COMMENT 'The service it was asked for, tblhosting.id in WHMCS',
  `server_id` BIGINT NULL
    COMMENT 'The PBX it works on, servers.server_id; NULL while none is known',
  `kind` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'What was asked: create, suspend, unsuspend, terminate, change_package, change_password, renew and so on',
  `generation` BIGINT NOT NULL
    COMMENT 'Its place among the operations of its service; a newer one supersedes it',
  `state` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'accepted, running, retry_wait, waiting_pbx, manual, succeeded, superseded or cancelled',
  `step` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL
    COMMENT 'The last step that is done; a repeat goes on after it. NULL before the first',
  `destructive` INT NOT NULL
    COMMENT '1 once something was removed: from then on it is finished, not superseded',
  `attempts` BIGINT NOT NULL
    COMMENT 'Failed attempts so far; a PBX that does not answer is not counted',
  `due_at` DATETIME(6) NULL
    COMMENT 'When it is tried next, UTC; NULL when it waits for a person or is over',
  `waiting_since` DATETIME(6) NULL
    COMMENT 'Since when it waits for its PBX, UTC; NULL when it does not',
  `asked` LONGTEXT NOT NULL
    COMMENT 'What was asked, as JSON without secrets',
  `cause` VARCHAR(500) NULL
    COMMENT 'Why it did not succeed yet, in a sentence for the operator',
  `cause_kind` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL
    COMMENT 'The same as a word of the error table, for counting',
  `answer` LONGTEXT NULL
    COMMENT 'What was answered in the end, as JSON without secrets',
  `late` INT NOT NULL
    COMMENT '1: it succeeded after its caller had gone, so WHMCS is told by an announcement',
  `actor` VARCHAR(128) NOT NULL
    COMMENT 'Who asked: a signing key id, a person''s name, or the job that acted by itself',
  `created_at` DATETIME(6) NOT NULL
    COMMENT 'When it was accepted, UTC: it survives anything from here on',
  `updated_at` DATETIME(6) NOT NULL
    COMMENT 'When it last moved, UTC',
  `finished_at` DATETIME(6) NULL
    COMMENT 'When it came to its end, UTC; NULL while it is open',
  PRIMARY KEY (`id`),
  KEY operations_service (`service_id`, `id`),
  KEY operations_state (`state`, `due_at`, `id`),
  KEY operations_tenant (`tenant_id`, `state`, `id`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='Everything WHMCS or a person asked for, one row a call, with where it stands. Rows are kept as history.';

CREATE TABLE mod_ictvoipbilling_tasks (
  `id` BIGINT NOT NULL AUTO_INCREMENT
    COMMENT 'The task''s number: what people are told',
  `open_key` VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NULL
    COMMENT 'What it is about, while open: unique, so the same trouble opens one task. NULL once closed',
  `kind` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'What sort of task: operation, finding, server, blast_limit and so on',
  `operation_id` BIGINT NULL
    COMMENT 'The operation that waits for it, operations.id; NULL when none does',
  `service_id` BIGINT NULL
    COMMENT 'The service it concerns, tblhosting.id in WHMCS; NULL when none',
  `server_id` BIGINT NULL
    COMMENT 'The PBX it concerns, servers.server_id; NULL when none',
  `department` VARCHAR(64) NOT NULL
    COMMENT 'Who is to settle it, departments.name',
  `title` VARCHAR(255) NOT NULL
    COMMENT 'What is to be done, in a line',
  `cause` VARCHAR(500) NOT NULL
    COMMENT 'Why it came to this, in a sentence',
  `details` LONGTEXT NOT NULL
    COMMENT 'The last request and what came back, counts or a preview, as JSON without secrets',
  `suggestion` VARCHAR(500) NOT NULL
    COMMENT 'What would settle it',
  `state` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'open, claimed, completed or cancelled',
  `assignee` VARCHAR(128) NULL
    COMMENT 'Who took it on; NULL while nobody did',
  `created_at` DATETIME(6) NOT NULL
    COMMENT 'When it was opened, UTC',
  `claimed_at` DATETIME(6) NULL
    COMMENT 'When somebody took it on, UTC',
  `escalated_at` DATETIME(6) NULL
    COMMENT 'When the next department was told, UTC; NULL while that was not needed',
  `closed_at` DATETIME(6) NULL
    COMMENT 'When it was settled, UTC',
  `closed_by` VARCHAR(128) NULL
    COMMENT 'Who settled it',
  `closed_reason` VARCHAR(500) NULL
    COMMENT 'How and why, in that person''s words',
  PRIMARY KEY (`id`),
  UNIQUE KEY tasks_open_key (`open_key`),
  KEY tasks_operation (`operation_id`),
  KEY tasks_state (`state`, `id`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='What a person has to settle, and who did. At most one task is open for the same thing.';

CREATE TABLE mod_ictvoipbilling_announcements (
  `id` BIGINT NOT NULL AUTO_INCREMENT
    COMMENT 'Row number; for one service they go out in this order',
  `service_id` BIGINT NOT NULL
    COMMENT 'The service, tblhosting.id in WHMCS',
  `operation_id` BIGINT NOT NULL
    COMMENT 'The operation that succeeded late, operations.id',
  `status` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'The status WHMCS is told: Active, Suspended or Terminated',
  `state` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'open, done, superseded or manual',
  `due_at` DATETIME(6) NOT NULL
    COMMENT 'When it is tried next, UTC',
  `attempts` BIGINT NOT NULL
    COMMENT 'Failed attempts so far',
  `owner` VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NULL
    COMMENT 'The process working on this row now, as host:pid:start; NULL when nobody does',
  `epoch` BIGINT NOT NULL
    COMMENT 'Counts how often the row was taken; a write with an older epoch is refused, so a late worker can do no harm',
  `lease_until` DATETIME(6) NULL
    COMMENT 'The owner holds the row until then; afterwards anybody may take it. To free a stuck row: wait, nothing else',
  `status_set_at` DATETIME(6) NULL
    COMMENT 'When WHMCS confirmed the status, UTC; NULL before',
  `welcome_begun_at` DATETIME(6) NULL
    COMMENT 'When the welcome mail was asked for, UTC. Set before asking, so that it is never sent twice',
  `queue_resolved_at` DATETIME(6) NULL
    COMMENT 'When the entry in WHMCS''s module queue was resolved, UTC; NULL before',
  `activity_begun_at` DATETIME(6) NULL
    COMMENT 'When the line in WHMCS''s activity log was asked for, UTC. Set before asking',
  `cause` VARCHAR(500) NULL
    COMMENT 'Why it is not done yet, in a sentence for the operator',
  `created_at` DATETIME(6) NOT NULL
    COMMENT 'When the operation succeeded, UTC',
  `finished_at` DATETIME(6) NULL
    COMMENT 'When WHMCS knew all of it, UTC; NULL before',
  PRIMARY KEY (`id`),
  KEY announcements_due (`state`, `due_at`, `id`),
  KEY announcements_service (`service_id`, `id`),
  UNIQUE KEY announcements_operation (`operation_id`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='What WHMCS still has to be told after an operation succeeded late: status, welcome mail, module queue, activity log.';

CREATE TABLE mod_ictvoipbilling_findings (
  `id` BIGINT NOT NULL AUTO_INCREMENT
    COMMENT 'Row number',
  `open_key` VARCHAR(200) CHARACTER SET ascii COLLATE ascii_bin NULL
    COMMENT 'What differs where, while open: unique, so that the next sweep finds this row again. NULL once closed',
  `class` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'What sort of difference: missing, unknown, differs, owner and so on',
  `service_id` BIGINT NULL
    COMMENT 'The service it concerns, tblhosting.id in WHMCS; NULL when none',
  `tenant_id` BIGINT NULL
    COMMENT 'The tenant it concerns, domains.id; NULL when none',
  `server_id` BIGINT NULL
    COMMENT 'The PBX it was found on, servers.server_id; NULL when none',
  `what` VARCHAR(255) NOT NULL
    COMMENT 'What differs, in a line',
  `wanted` LONGTEXT NULL
    COMMENT 'The side we want, as JSON without secrets',
  `actual` LONGTEXT NULL
    COMMENT 'The side that was found, as JSON without secrets',
  `policy` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'What is done about this class: report, repair, import or task',
  `state` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'open, repaired, imported, task or gone',
  `first_seen` DATETIME(6) NOT NULL
    COMMENT 'When a sweep first found it, UTC',
  `last_seen` DATETIME(6) NOT NULL
    COMMENT 'When a sweep last found it, UTC',
  `closed_at` DATETIME(6) NULL
    COMMENT 'When it was settled or had gone, UTC; NULL while open',
  PRIMARY KEY (`id`),
  UNIQUE KEY findings_open_key (`open_key`),
  KEY findings_state (`state`, `id`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='Differences a sweep found between what is wanted, the mirror, the PBX and WHMCS, and what was done about each.';

CREATE TABLE mod_ictvoipbilling_notices (
  `id` BIGINT NOT NULL AUTO_INCREMENT
    COMMENT 'Row number',
  `once_key` VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'What it tells: unique, so that the same change is told once',
  `department` VARCHAR(64) NOT NULL
    COMMENT 'Who is told, departments.name',
  `kind` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'What sort of message: task, escalation, digest, server and so on',
  `title` VARCHAR(255) NOT NULL
    COMMENT 'Its subject line',
  `body` VARCHAR(2000) NOT NULL
    COMMENT 'Its text, without secrets',
  `task_id` BIGINT NULL
    COMMENT 'The task it tells of, tasks.id; NULL when none',
  `created_at` DATETIME(6) NOT NULL
    COMMENT 'When it was composed, UTC',
  PRIMARY KEY (`id`),
  UNIQUE KEY notices_once (`once_key`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='Messages to people, each composed once. Where they go is in deliveries.';

CREATE TABLE mod_ictvoipbilling_deliveries (
  `id` BIGINT NOT NULL AUTO_INCREMENT
    COMMENT 'Row number',
  `notice_id` BIGINT NOT NULL
    COMMENT 'The message, notices.id',
  `channel` VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'Where to, as department/channel: names in departments.name and in its channels',
  `webhook_id` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'The id a webhook carries; the same for every attempt, so that the receiver can tell a repeat',
  `state` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'due, sending, sent, failed, or unknown: it may have gone out and is not repeated',
  `attempts` BIGINT NOT NULL
    COMMENT 'Failed attempts so far',
  `due_at` DATETIME(6) NOT NULL
    COMMENT 'When it is tried next, UTC',
  `owner` VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NULL
    COMMENT 'The process working on this row now, as host:pid:start; NULL when nobody does',
  `epoch` BIGINT NOT NULL
    COMMENT 'Counts how often the row was taken; a write with an older epoch is refused, so a late worker can do no harm',
  `lease_until` DATETIME(6) NULL
    COMMENT 'The owner holds the row until then; afterwards anybody may take it. To free a stuck row: wait, nothing else',
  `cause` VARCHAR(500) NULL
    COMMENT 'Why it is not sent yet, in a sentence for the operator',
  `sent_at` DATETIME(6) NULL
    COMMENT 'When the channel took it, UTC; NULL before',
  PRIMARY KEY (`id`),
  KEY deliveries_due (`state`, `due_at`, `id`),
  UNIQUE KEY deliveries_once (`notice_id`, `channel`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='One row for each notice and channel: sent, or due again.';

CREATE TABLE mod_ictvoipbilling_country_codes (
  `iso_code` VARCHAR(2) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'The country, as packages name it: GB',
  `country` VARCHAR(100) NOT NULL
    COMMENT 'What it is called in English',
  `calling_code` VARCHAR(3) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'What its numbers begin with in E.164; several countries share 1, 7, 39, 44 and others',
  `exit_code` VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
    COMMENT 'What one dials to call abroad; a pattern where it always holds the code of a carrier',
  `national_prefix` VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin NULL
    COMMENT 'What one dials before a number of another town; NULL where nothing is',
  PRIMARY KEY (`iso_code`)
) ENGINE=InnoDB DEFAULT CHARACTER SET=utf8mb4 COLLATE=utf8mb4_unicode_ci
  COMMENT='Every country with a numbering plan. Written by bridge db upgrade from its numbering-plan library; change nothing here.';
