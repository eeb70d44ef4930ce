"""Static checks of ours, each a module that `./ccxsec check` runs. Exit status 0: nothing found."""

NOT_DONE = (
    75  # exit status (EX_TEMPFAIL of sysexits.h): it could not be found out, which is no "ok"
)
