-- How sure the recogniser was of an answer that was spoken, from 0 to 1; null for every other answer.
alter table recording_consents add column confidence double precision check (confidence between 0 and 1);
