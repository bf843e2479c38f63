//! The text of `--help`.

pub(crate) const HELP: &str = "\
usage: fetch [OPTIONS] URL... [--next [OPTIONS] URL...]

Request
  -X, --request METHOD       -d, --data DATA|@FILE      -F, --form NAME=VALUE|@FILE|<FILE
  -H, --header LINE|@FILE        --data-binary DATA         --form-string NAME=VALUE
  -A, --user-agent NAME          --data-raw DATA        -T, --upload-file FILE|-
  -e, --referer URL[;auto]       --data-urlencode DATA  -r, --range RANGE
  -u, --user NAME:PASSWORD       --json DATA            -C, --continue-at N|-
  -n, --netrc                -G, --get                  -I, --head
  -b, --cookie DATA|FILE         --url-query DATA           --compressed
  -c, --cookie-jar FILE          --oauth2-bearer TOKEN      --http1.0
Response
  -o, --output FILE          -i, --include              -f, --fail
  -O, --remote-name          -D, --dump-header FILE         --fail-with-body
  -J, --remote-header-name   -w, --write-out FORMAT     -N, --no-buffer
      --create-dirs              --output-dir DIR           --max-filesize BYTES
  -L, --location                 --max-redirs N             --location-trusted
Connection
  -x, --proxy URL                --resolve HOST:PORT:ADDR   --connect-timeout SECONDS
  -U, --proxy-user NAME:PASS     --unix-socket PATH     -m, --max-time SECONDS
      --noproxy HOSTS        -4, --ipv4  -6, --ipv6         --expect100-timeout SECONDS
  -p, --proxytunnel          -k, --insecure             -Y, --speed-limit BYTES
      --socks5 HOST              --cacert FILE          -y, --speed-time SECONDS
      --socks5-hostname HOST -E, --cert FILE                --limit-rate BYTES
      --tlsv1.2  --tlsv1.3       --key FILE
Several transfers
  -Z, --parallel                 --parallel-max N           --fail-early
      --retry N                  --retry-delay SECONDS      --retry-all-errors
      --retry-max-time SECONDS   --retry-connrefused    -:, --next
Messages
  -s, --silent               -v, --verbose                  --trace-ascii FILE
  -S, --show-error           -#, --progress-bar             --trace-time

Options and exit codes have the same meaning as curl's. Without --cacert, fetch trusts the
platform's root certificates. SSL_CERT_FILE and SSL_CERT_DIR name others. http_proxy, HTTPS_PROXY,
ALL_PROXY and NO_PROXY are used as by curl.";
