"""Attacks with processes and threads, signals, and on the limits themselves."""

from tests.strategy.attacks.attack import Family

processes = Family("processes and threads")
processes.free(
    "fork",
    """
pid = os.fork()
if pid == 0:
    os._exit(0)
told(pid)""",
)
processes.free(
    "clone by its number",
    """
number = 56 if os.uname().machine == 'x86_64' else 220
pid = libc.syscall(number, 17, 0, 0, 0, 0)
if pid == 0:
    os._exit(0)
done(pid)""",
)
processes.free(
    "clone3",
    """
pid = libc.syscall(435, struct.pack('<8Q', 0, 0, 0, 0, 17, 0, 0, 0), 64)
if pid == 0:
    os._exit(0)
done(pid)""",
)
processes.free(
    "a daemon",
    """
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', @UDP))
    os._exit(0)
os.wait()""",
)
processes.free("run a program", "os.execv('/bin/sh', ['sh', '-c', 'mkdir @DIR/made'])")
processes.free("os.system", "os.system('mkdir @DIR/made')")
processes.free("posix_spawn", "os.waitpid(os.posix_spawn('/bin/mkdir', ['mkdir', '@DIR/made'], {}), 0)")
processes.free("subprocess", "import subprocess\nsubprocess.run(['mkdir', '@DIR/made'])")
processes.free("popen of libc", "libc.system(b'mkdir @DIR/made')")
processes.free(
    "multiprocessing",
    """
import multiprocessing
worker = multiprocessing.Process(target=os.mkdir, args=('@DIR/made',))
worker.start()
worker.join()""",
)
processes.free("a thread", "thread = threading.Thread(target=int)\nthread.start()\ntold(thread)")
processes.free(
    "a thread of C",
    """
thread = ctypes.c_uint64()
if libc.pthread_create(ctypes.byref(thread), None, ctypes.cast(libc.getpid, ctypes.c_void_p), None) == 0:
    told(thread)""",
)
processes.free("a fork bomb", "while True:\n    os.fork()", is_safe=False, must_fail=True)
processes.free("a session of its own", "told(os.setsid())", held_by="this system")
processes.free("a name space", "done(libc.unshare(0x10000000))", held_by="this system")
processes.free("other root folder", "os.chroot('/tmp'); told('chroot')", root=True)
processes.free("other user", "os.setuid(1); told(os.getuid())", root=True)

signals = Family("signals")
signals.free("to the host", "os.kill(@HOST, signal.SIGUSR1); time.sleep(0.01)")
signals.free("to the host by pidfd", "signal.pidfd_send_signal(os.pidfd_open(@HOST), signal.SIGUSR1)")
signals.free(
    "to the host by tgkill",
    """
number = 234 if os.uname().machine == 'x86_64' else 131
done(libc.syscall(number, @HOST, @HOST, int(signal.SIGUSR1)))""",
)
signals.free("to the host by sigqueue", "done(libc.sigqueue(@HOST, int(signal.SIGUSR1), 0))")
signals.free("end the server", "os.kill(os.getppid(), signal.SIGKILL); time.sleep(1)")
signals.free("stop the server", "os.kill(os.getppid(), signal.SIGSTOP); told('stopped')", is_safe=False)
signals.free("to its own group", "os.killpg(0, signal.SIGKILL)", held_by="clean start")
signals.free("does the host exist", "os.kill(@HOST, 0); told('it does')")
signals.free("ignore the CPU signal", "signal.signal(signal.SIGXCPU, signal.SIG_IGN); told('ignored')")
signals.free("an alarm", "told(signal.setitimer(signal.ITIMER_REAL, 0.5))")
signals.free("outlive the server", "done(libc.prctl(1, 0, 0, 0, 0))")
signals.free(
    "owner of the pipe's signals",
    """
import fcntl
fcntl.fcntl(4, fcntl.F_SETOWN, @HOST)
told('owner')""",
)

limits = Family("limits raised")
for what in ("AS", "CPU", "FSIZE", "CORE", "NPROC"):
    limits.free(
        f"raise RLIMIT_{what}",
        f"""
import resource
soft, hard = resource.getrlimit(resource.RLIMIT_{what})
resource.setrlimit(resource.RLIMIT_{what}, (soft, resource.RLIM_INFINITY))
told(resource.getrlimit(resource.RLIMIT_{what}))""",
        held_by="this system",
    )
limits.free(
    "raise the memory limit by prlimit",
    """
done(libc.prlimit(0, 9, (ctypes.c_uint64 * 2)(2**63, 2**63), None))""",
    held_by="this system",
)
limits.free(
    "set a limit of the host",
    """
old = (ctypes.c_uint64 * 2)()
done(libc.prlimit(@HOST, 4, None, old))""",
    root=True,
)
limits.free("better priority", "told(os.nice(-5))", root=True)
limits.free("other scheduler", "os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0)); told('batch')")
limits.free("another core", "os.sched_setaffinity(0, {0}); told('pinned')")
limits.free("be readable again", "done(libc.prctl(4, 1, 0, 0, 0))")
limits.free("other personality", "done(libc.personality(0x0400000))")
limits.free("lock memory", "done(libc.mlockall(2))", root=True)
limits.free(
    "a filter of its own",
    """
done(libc.syscall(317 if os.uname().machine == 'x86_64' else 277, 2, 0, ctypes.byref(ctypes.c_uint32(0x7fff0000))))""",
)

FAMILIES = (processes, signals, limits)
