/* The life of one response with two connectors: decided by people, a rule or the deadline, handed out, started, carried out,
 * reported - while its asset becomes critical and moves to another tenant and back, connectors die at any point, replies are lost,
 * leases end and time runs out. A transaction of the gateway is one atomic step here. Names of states are those of responses/execution.h; tests/test_model.py
 * compares them and runs this.
 *
 * Checked: at most one execution; none without a valid approval, which is for the tenant that the asset has and, on a critical asset, that
 * of two people; none of what was cancelled or expired; and when nothing moves any more, the state is a final one.
 * Known-bad controls, each of which must be caught: -DNO_EPOCH (a start is granted whatever its epoch), -DNO_JOURNAL (the
 * connector forgets what it did), -DNO_FENCE (acts without asking to start), -DANY_CONNECTOR (what was started goes to
 * another connector when its lease ends), -DNO_SECOND (that the asset became critical is not looked at), -DNO_TENANT (nor that it
 * moved). */
#define CONNECTORS 2
#define EPOCHS_MAX 4
#define CRASHES_MAX 2
#define MOVES_MAX 2

mtype:status = { New, Confirmed, Declined };
mtype:execution = { none, pending, leased, running, succeeded, failed, expired, unknown, cancelled };
mtype:journal = { blank, begun, done };

mtype:status status = New;
mtype:execution state = none;
mtype:journal journal[CONNECTORS] = blank;
byte epoch, holder, executions, crashes, approvals, moves;
bool lease_live, late; /* late: not_after has passed */
bool critical, tenant, decided_tenant, started_unapproved;

#ifdef NO_EPOCH
#define CURRENT(c, e) true
#else
#define CURRENT(c, e) (holder == c && epoch == e)
#endif
#ifdef ANY_CONNECTOR
#define STARTED_BY(c) true
#else
#define STARTED_BY(c) (holder == c)
#endif

#ifdef NO_SECOND
#define ENOUGH true
#else
#define ENOUGH (!critical || approvals >= 2)
#endif
#ifdef NO_TENANT
#define MOVED false
#else
#define MOVED (decided_tenant != tenant)
#endif

/* ---- the gateway's transactions ---- */

inline lease(c, got, e) {
    atomic {
        if
        :: status == Confirmed && !late && epoch < EPOCHS_MAX &&
           (state == pending || (state == leased && !lease_live) || (state == running && !lease_live && STARTED_BY(c))) ->
            if
            :: state != running && (MOVED || !ENOUGH) -> /* people have to decide anew */
                status = New; state = none; lease_live = false; late = false; got = false;
                if
                :: MOVED -> approvals = 0
                :: else
                fi
            :: else ->
                epoch++; holder = c; lease_live = true; e = epoch; got = true;
                if
                :: state != running -> state = leased
                :: else
                fi
            fi
        :: else -> got = false
        fi
    }
}

inline report_running(c, e, granted) {
    atomic {
        if
        :: CURRENT(c, e) && (state == leased || state == running) && lease_live && !late && !MOVED && ENOUGH ->
            if
            :: decided_tenant != tenant || (critical && approvals < 2) -> started_unapproved = true
            :: else
            fi;
            state = running;
            if
            :: granted = true
            :: granted = false /* the reply is lost */
            fi
        :: else -> granted = false
        fi
    }
}

inline report_final(c, e, outcome) {
    atomic {
        if
        :: CURRENT(c, e) && (state == leased || state == running || state == unknown || state == expired) ->
            state = outcome; lease_live = false
        :: else
        fi
    }
}

/* ---- who acts ---- */

inline may_crash() {
    if
    :: crashes < CRASHES_MAX -> crashes++; goto again
    :: true
    fi
}

inline act(c) {
    atomic {
        assert(status == Confirmed);
        assert(state != cancelled && state != none && state != pending);
        assert(!started_unapproved);
        executions++;
        assert(executions <= 1)
    }
}

proctype connector(byte c) {
    byte e;
    bool got, granted;
again:
    do
    :: state == succeeded || state == failed || state == cancelled || status == Declined || (late && !lease_live) -> break
    :: status == Confirmed ->
        lease(c, got, e);
        if
        :: !got -> goto again
        :: else
        fi;
        may_crash();
        if
        :: journal[c] == done -> report_final(c, e, succeeded)
        :: journal[c] == begun -> skip /* it may have been done or not: never again, and nothing is claimed */
        :: else ->
#ifndef NO_FENCE
            report_running(c, e, granted);
            if
            :: !granted -> goto again
            :: else
            fi;
#endif
            may_crash();
#ifndef NO_JOURNAL
            journal[c] = begun;
#endif
            may_crash();
            act(c);
            may_crash();
#ifndef NO_JOURNAL
            journal[c] = done;
#endif
            may_crash();
            report_final(c, e, succeeded)
        fi
    od
}

/* For the tenant that the asset has now: earlier approvals for the other one do not count. */
inline look_at_asset() {
    if
    :: decided_tenant != tenant -> approvals = 0; decided_tenant = tenant
    :: else
    fi
}

/* Each confirmation is that of another person; a decline may be the deadline's. */
proctype deciders() {
    do
    :: atomic {
        status == New && (approvals < 2 || decided_tenant != tenant) ->
            look_at_asset();
            approvals++;
            if
            :: !critical || approvals == 2 -> status = Confirmed; state = pending
            :: else
            fi
       }
    :: atomic { status == New && !critical && !approvals -> look_at_asset(); status = Confirmed; state = pending } /* a rule */
    :: atomic { status == New -> status = Declined }
    :: atomic { timeout -> break }
    od
}

proctype undo() {
    atomic {
        if
        :: state == pending -> state = cancelled
        :: else
        fi
    }
}

/* Leases end and not_after comes whenever they like; both come in the end. */
proctype clock() {
    do
    :: atomic { lease_live -> lease_live = false }
    :: atomic { !late && status == Confirmed -> late = true }
    :: atomic { !critical -> critical = true }
    :: atomic { moves < MOVES_MAX -> moves++; tenant = !tenant }
    :: atomic { late && (state == pending || (state == leased && !lease_live)) -> state = expired }
    :: atomic { late && state == running -> state = unknown }
    :: atomic { timeout -> break }
    od;
    assert(status != New);
    assert(status == Declined || state == succeeded || state == failed || state == expired || state == unknown ||
           state == cancelled)
}

init {
    byte i;
    atomic {
        run deciders();
        run undo();
        run clock();
        for (i : 0 .. CONNECTORS - 1) {
            run connector(i)
        }
    }
}
