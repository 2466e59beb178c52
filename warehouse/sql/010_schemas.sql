-- Where everything lives, closed by default: nobody but the owner sees anything until a right is given.
create schema if not exists staging;
create schema if not exists build;
create schema if not exists marts;
create schema if not exists reports;
create schema if not exists access;
create schema if not exists ops;
create schema if not exists history;
create schema if not exists as_of;

comment on schema staging is 'What the sources said, row for row, and its cleaned stg_ views.';
comment on schema build is 'The workshop of dbt; readers never look here.';
comment on schema marts is 'Facts and dimensions, changed by publication only.';
comment on schema reports is 'What people and BI tools read.';
comment on schema access is 'Who may read what, and the functions that change it.';
comment on schema history is 'What publications replaced: row versions of every published table, under the same rights.';
comment on schema as_of is 'Tables and reports as they were after an earlier publication (setting chairside.as_of).';
comment on schema ops is 'Loads, checks, bookmarks and publications.';

revoke all on schema public, staging, build, marts, reports, access, ops, history, as_of from public;

-- What this role creates later is closed too. PostgreSQL opens functions and types to everybody by default.
alter default privileges revoke execute on functions from public;
alter default privileges revoke usage on types from public;
alter default privileges revoke all on tables from public;
alter default privileges revoke all on sequences from public;
