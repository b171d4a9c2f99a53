-- From a trace to its message, where the message came with the trace: few do, so these hold few rows.
create index results_foreign_traces on results (foreign_trace_id) where foreign_trace_id is not null;
create index dead_letters_foreign_traces on dead_letters (foreign_trace_id) where foreign_trace_id is not null;
