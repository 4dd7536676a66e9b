-- Signals by name. Their numbers differ between systems (SIGBUS is 7 on Linux and 10 on macOS), and databases
-- travel. signal stays what it was on the machine that ran the trial; where signal_name is NULL it is all that is
-- known. It is named here where the session tells the system and the number is not the same on all.

ALTER TABLE signature ADD COLUMN signal_name TEXT;
ALTER TABLE trial ADD COLUMN signal_name TEXT;
ALTER TABLE capture ADD COLUMN signal_name TEXT;

UPDATE trial SET signal_name =
    CASE (SELECT os NOT LIKE 'Darwin%' AND os NOT LIKE 'mac%' FROM session WHERE id = session_id)
        WHEN 1 THEN CASE signal WHEN 7 THEN 'SIGBUS' WHEN 10 THEN 'SIGUSR1' WHEN 12 THEN 'SIGUSR2' WHEN 31 THEN 'SIGSYS' END
        WHEN 0 THEN CASE signal WHEN 7 THEN 'SIGEMT' WHEN 10 THEN 'SIGBUS' WHEN 12 THEN 'SIGSYS' WHEN 31 THEN 'SIGUSR2' END
    END
WHERE signal IN (7, 10, 12, 31);
UPDATE signature SET signal_name =
    (SELECT signal_name FROM trial WHERE signature_id = signature.id AND signal_name IS NOT NULL LIMIT 1)
WHERE signal IN (7, 10, 12, 31);
UPDATE capture SET signal_name =
    CASE (SELECT os NOT LIKE 'Darwin%' AND os NOT LIKE 'mac%' FROM session JOIN trial ON session.id = session_id
          WHERE trial.id = trial_id)
        WHEN 1 THEN CASE signal WHEN 7 THEN 'SIGBUS' WHEN 31 THEN 'SIGSYS' END
        WHEN 0 THEN CASE signal WHEN 10 THEN 'SIGBUS' WHEN 12 THEN 'SIGSYS' END
    END
WHERE signal IN (7, 10, 12, 31);
