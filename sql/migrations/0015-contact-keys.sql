-- Numbers and outside ids are compared byte by byte, whatever language the database sorts by: cheaper for each of millions.
alter table contact_numbers alter column number type text collate "C";
alter table contacts alter column external_id type text collate "C";
