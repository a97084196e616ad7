--
-- PostgreSQL database dump
--

\restrict k3yw0rd

SET statement_timeout = 0;
SET standard_conforming_strings = on;

CREATE TABLE public.subscriber (
    id integer NOT NULL,
    username character varying(64) DEFAULT ''::character varying NOT NULL,
    domain character varying(64) DEFAULT ''::character varying NOT NULL,
    password character varying(64) DEFAULT ''::character varying NOT NULL,
    ha1 character varying(128) DEFAULT ''::character varying NOT NULL,
    ha1b character varying(128) DEFAULT ''::character varying NOT NULL
);

COPY public.version (id, table_name) FROM stdin;
1	subscriber; 'not the end
\.

COPY public.subscriber (id, username, domain, password, ha1, ha1b) FROM stdin;
1	1001	acme.example	Correct-Horse-1	\N	\N
2	1002	acme.example	It's \\ a "horse"		
3	1003	acme.example		HA1	
\.

SELECT pg_catalog.setval('public.subscriber_id_seq', 4, true);

\unrestrict k3yw0rd
