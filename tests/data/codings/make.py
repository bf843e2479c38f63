"""Makes the Brotli files of this directory: `pip install brotli && python3 make.py`."""

import brotli

TEXT = "".join(f"{n}: a line of a text that repeats, {n * n}\n" for n in range(200)).encode()


def write(name, data):
    with open(name, "wb") as file:
        file.write(data)


write("text.br", brotli.compress(TEXT))

# The encoder is flushed behind the first 1000 bytes. `flushed.1.br` ends there, `flushed.2.br` is the rest.
encoder = brotli.Compressor(quality=5)
write("flushed.1.br", encoder.process(TEXT[:1000]) + encoder.flush())
write("flushed.2.br", encoder.process(TEXT[1000:]) + encoder.finish())

# 16 MiB of zeros, with the largest window.
encoder = brotli.Compressor(quality=5, lgwin=24)
zeros = [encoder.process(bytes(1 << 20)) for _ in range(16)]
write("zeros.br", b"".join(zeros) + encoder.finish())
