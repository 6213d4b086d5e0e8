"""Attacks on what lies outside the child: files, environment, other processes' memory, the network."""

from tests.strategy.attacks.attack import Family

files = Family("files")
files.free("create by open", "open('@DIR/made', 'w')")
files.free("create by os.open", "os.open('@DIR/made', os.O_CREAT | os.O_WRONLY)")
files.free("create by libc", "libc.creat(b'@DIR/made', 0o644)")
files.free("make a folder", "os.mkdir('@DIR/made')")
files.free("make a link", "os.symlink('/etc/passwd', '@DIR/made')")
files.free("make a named pipe", "os.mkfifo('@DIR/made')")
files.free("delete a file", "os.unlink('@DIR/victim')")
files.free("rename a file", "os.rename('@DIR/victim', '@DIR/made')")
files.free("empty a file", "os.truncate('@DIR/victim', 0)")
files.free("change a mode", "os.chmod('@DIR/victim', 0o600)", root=True)
files.free("read a secret", "raise ValueError(open('@DIR/secret').read())")
files.free(
    "read a secret by openat2",
    """
how = (ctypes.c_uint64 * 3)(0, 0, 0)
fd = libc.syscall(437, -100, b'@DIR/secret', how, 24)
raise ValueError(os.read(fd, 100).decode())""",
)
files.free("read a secret by numpy", "raise ValueError(str(np.genfromtxt('@DIR/secret', dtype=str)))")
files.free("read a secret by memmap", "raise ValueError(bytes(np.memmap('@DIR/secret', np.uint8, 'r')).decode())")
files.free("read a secret by pandas", "raise ValueError(pd.read_csv('@DIR/secret', header=None).iloc[0, 0])")
files.free("write by numpy.save", "np.save('@DIR/made.npy', np.zeros(3))")
files.free("write by tofile", "np.zeros(3).tofile('@DIR/made')")
files.free("write by to_csv", "market.close.to_csv('@DIR/made')")
files.free("write by to_pickle", "market.close.to_pickle('@DIR/made')")
files.free("list a folder", "told(os.listdir('@DIR'))")
files.free("ask for a file's size", "told(os.stat('@DIR/secret').st_size)")
files.free("memory file", "told(os.memfd_create('x'))")
files.free("change folder", "os.chdir('@DIR'); told(os.getcwd())")

environment = Family("environment")
environment.free("host's variables, inherited", "raise ValueError(str(dict(os.environ)))", held_by="clean start")
environment.free(
    "host's variables, libc",
    """
libc.getenv.restype = ctypes.c_char_p
raise ValueError(str(libc.getenv(b'EDGEWISE_SECRET')))""",
    held_by="clean start",
)
environment.free(
    "host's variables, /proc",
    """
text = open('/proc/@HOST/environ').read()
told(len(text))""",
    root=True,
)
environment.free("host's command line", "told(open('/proc/@HOST/cmdline').read())")
environment.free(
    "open descriptors",
    """
def is_open(fd):
    try:
        os.fstat(fd)
        return True
    except OSError:
        return False
found = [fd for fd in range(6, 1024) if is_open(fd)]
if found:
    told(found)""",
    held_by="clean start",
)

memory = Family("other processes' memory")
memory.free(
    "host by /proc/PID/mem",
    """
with open('/proc/@HOST/mem', 'rb', 0) as file:
    file.seek(@ADDRESS)
    raise ValueError(file.read(16).decode())""",
    root=True,
)
memory.free(
    "host by process_vm_readv",
    """
buffer = ctypes.create_string_buffer(16)
here = (ctypes.c_uint64 * 2)(ctypes.addressof(buffer), 16)
there = (ctypes.c_uint64 * 2)(@ADDRESS, 16)
done(libc.process_vm_readv(@HOST, here, 1, there, 1, 0))""",
)
memory.free(
    "host by process_vm_writev",
    """
buffer = ctypes.create_string_buffer(b'0123456789abcdef')
here = (ctypes.c_uint64 * 2)(ctypes.addressof(buffer), 16)
there = (ctypes.c_uint64 * 2)(@SPARE, 16)
done(libc.process_vm_writev(@HOST, here, 1, there, 1, 0))""",
)
memory.free("host by ptrace", "done(libc.ptrace(0x4206, @HOST, 0, 0))")
memory.free("server by ptrace", "done(libc.ptrace(0x4206, os.getppid(), 0, 0))")
memory.free("server by /proc/PID/maps", "told(open(f'/proc/{os.getppid()}/maps').readline())")
memory.free(
    "server by process_vm_readv",
    """
buffer = ctypes.create_string_buffer(16)
here = (ctypes.c_uint64 * 2)(ctypes.addressof(buffer), 16)
there = (ctypes.c_uint64 * 2)(id(np), 16)
done(libc.process_vm_readv(os.getppid(), here, 1, there, 1, 0))""",
)
memory.free(
    "server by process_vm_writev",
    """
buffer = ctypes.create_string_buffer(16)
here = (ctypes.c_uint64 * 2)(ctypes.addressof(buffer), 1)
there = (ctypes.c_uint64 * 2)(id(np), 1)
done(libc.process_vm_writev(os.getppid(), here, 0, there, 0, 0))""",
)
memory.free(
    "host's descriptors by pidfd_getfd",
    """
fd = os.pidfd_open(@HOST)
done(libc.syscall(438, fd, @SECRET_FD, 0))""",
)
memory.free("a descriptor of the host", "raise ValueError(open('/proc/@HOST/fd/@SECRET_FD').read())", root=True)
memory.free("own memory by /proc", "told(open('/proc/self/maps').readline())")
memory.free("kernel log", "done(libc.klogctl(10, None, 0))", root=True)

network = Family("network")
network.free("TCP", "socket.create_connection(('127.0.0.1', @TCP), 1).send(b'x')")
network.free("UDP", "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', @UDP))")
network.free(
    "UDP by libc",
    """
fd = libc.socket(2, 2, 0)
address = struct.pack('<H', 2) + struct.pack('>H', @UDP) + bytes([127, 0, 0, 1]) + bytes(8)
done(libc.sendto(fd, b'x', 1, 0, address, 16))""",
)
network.free("unix socket in a file", "socket.socket(socket.AF_UNIX).connect('@DIR/unix')")
network.free("abstract unix socket", "socket.socket(socket.AF_UNIX).connect('\\0@ABSTRACT')")
network.free(
    "listen",
    """
server = socket.socket()
server.bind(('127.0.0.1', 0))
server.listen()
told(server.getsockname())""",
)
network.free("socket pair", "told(socket.socketpair())")
network.free("netlink", "told(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0))")
network.free("kernel crypto", "told(socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET, 0))", held_by="this system")
network.free(
    "name lookup",
    """
import urllib.request
urllib.request.urlopen('http://127.0.0.1:@TCP/', timeout=0.2)""",
)
network.free("io_uring", "done(libc.syscall(425, 4, ctypes.create_string_buffer(120)))", held_by="this system")
network.free("bpf", "done(libc.syscall(321, 0, ctypes.create_string_buffer(120), 120))", held_by="this system")

FAMILIES = (files, environment, memory, network)
