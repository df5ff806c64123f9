global
    maxconn 1000

defaults
    mode http
    option forwardfor
    timeout connect 5s
    timeout client 50s
    timeout server 50s

frontend localnodes
    bind 127.0.0.1:8080
    default_backend nodes

backend nodes
    balance roundrobin
    option httpchk HEAD /
    {{#each addresses}}
    server {{ host }} {{ ip }}:3000 check
    {{/each}}
